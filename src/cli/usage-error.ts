/** Something the user asked for does not exist or makes no sense. One sentence; exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
