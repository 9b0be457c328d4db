/** An expectation that does not hold. */
export interface Violation {
  /** JSON pointer to the expectation in its case. */
  readonly pointer: string;
  /** What was expected and what was seen, as short phrases. */
  readonly expected: string;
  readonly seen: string;
}
