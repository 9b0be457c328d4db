declare module "virtual:cases" {
  // An import statement would make a module of this file, and no longer declare one.
  // eslint-disable-next-line @typescript-eslint/consistent-type-imports
  type Case = import("../../../../src/scenario/case.generated.ts").Case;
  /** Ids of cases by patch, 0 to 27. */
  export const ids: readonly (readonly string[])[];
  /** Loads the cases of a patch. */
  export const load: readonly (() => Promise<{ default: readonly Case[] }>)[];
}
