declare module "virtual:cases" {
  // An import statement would make a module of this file, and no longer declare one.
  // eslint-disable-next-line @typescript-eslint/consistent-type-imports
  type Case = import("../../../../src/scenario/case.generated.ts").Case;
  /** Ids of cases by group: of the patches 0 to 27, and last the witnesses of the explorer. */
  export const ids: readonly (readonly string[])[];
  /** Loads the cases of a group. */
  export const load: readonly (() => Promise<{ default: readonly Case[] }>)[];
  /** What a witness is opened with, by its id. */
  export const witnessSides: Readonly<Record<string, readonly string[]>>;
}
