/** A line of a panel: what is so, in words. Rows of one thing have the same key on both sides. */
export interface Row {
  readonly key: string;
  readonly text: string;
  /** How far it is indented. */
  readonly depth: number;
  /** The 64 bits that it stands for, with the level of their table; null for none. */
  readonly entry: { readonly raw: bigint; readonly level: number } | null;
  /** It is out of date, or should not be used any more. */
  readonly stale: boolean;
}

export const row = (
  key: string,
  text: string,
  more: Partial<Pick<Row, "depth" | "entry" | "stale">> = {},
): Row => ({ key, text, depth: 0, entry: null, stale: false, ...more });

/** The keys of rows that the other side has not, or has with another text. */
export function differing(rows: readonly Row[], others: readonly Row[]): ReadonlySet<string> {
  const texts = new Map(others.map(({ key, text }) => [key, text]));
  return new Set(rows.filter(({ key, text }) => texts.get(key) !== text).map(({ key }) => key));
}
