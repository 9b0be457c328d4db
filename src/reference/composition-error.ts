/**
 * A set of patches that leaves out one that another needs, or an unknown number. The message is one
 * sentence.
 */
export class CompositionError extends Error {
  override readonly name = "CompositionError";
}
