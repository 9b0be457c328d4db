/** Lets this process import TypeScript. */
export function allowTypeScript(): void;
/** Imports a module of `src`, as `cli/main`. */
export function importSource(name: string): Promise<unknown>;
/** Brings `.compiled`, the sources as JavaScript, up to date. */
export function compile(): Promise<void>;
