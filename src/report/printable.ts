/**
 * What could move a cursor, turn text around, break a line or be no character at all: controls,
 * formats, lone surrogates, separators of lines, noncharacters.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Text of somebody else as one line that only is what it looks like: whatever else it would do is
 * shown, as `\x1b` or `\u202e`.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (character) => SHORT[character] ?? code(character));
}

function code(character: string): string {
  const number = character.codePointAt(0)!;
  const digits = number.toString(16);
  if (number < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return number < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}
