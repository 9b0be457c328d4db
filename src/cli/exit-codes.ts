/** What the exit code of every command says. */
export const EXIT = {
  /** All conform. */
  ok: 0,
  /** Something does not. */
  fails: 1,
  /** Usage or input. */
  usage: 2,
  /** Nothing was assessed. */
  inconclusive: 3,
} as const;
