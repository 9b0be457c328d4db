/**
 * Declared fact: names that the kernel defines for what the model has had all along. Changed by
 * patch 04.
 */
export const declared: readonly string[] = [];
