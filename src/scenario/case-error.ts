/**
 * A fixture that cannot be used. The message is one sentence: what, where (file and JSON pointer),
 * what was expected.
 */
export class CaseError extends Error {
  override readonly name = "CaseError";
  readonly file: string;
  /** JSON pointer to the offending value, "" for the whole document. */
  readonly pointer: string;

  constructor(file: string, pointer: string, problem: string) {
    super(`${file}: ${pointer === "" ? "" : `at ${pointer}: `}${problem}`);
    this.file = file;
    this.pointer = pointer;
  }
}
