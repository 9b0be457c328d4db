import { printable } from "./printable.ts";

/** Plain text in columns. Widths count characters; nothing here knows colours. */

/** No line of ours is longer, in characters. */
export const WIDTH = 100;

/** Pads on the right; a text that is too long loses its end to an ellipsis. */
export function fit(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}

/** Breaks a text into lines of at most `width` characters: at spaces, and words that are longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((whole) => pieces(whole, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A word in pieces of at most `width` characters. */
function pieces(word: string, width: number): string[] {
  const parts = [word.slice(0, width)];
  for (let at = width; at < word.length; at += width) parts.push(word.slice(at, at + width));
  return parts;
}

/**
 * Wrapped lines behind a label, the later ones indented to its width. The text may be anybody's: it
 * is made printable.
 */
export function labelled(label: string, text: string): string[] {
  const [first = "", ...rest] = wrap(printable(text), WIDTH - label.length);
  return [label + first, ...rest.map((line) => " ".repeat(label.length) + line)];
}

/**
 * A line of code that fits: one that is too long goes on in further lines, indented two deeper,
 * which begin with the same mark.
 * @param mark what stands before the code, `+` of a diff.
 */
export function folded(line: string, mark = ""): string[] {
  if (mark.length + line.length <= WIDTH) return [mark + line];
  const indent = /^ */.exec(line)![0].length;
  const [first = "", ...rest] = wrap(line.slice(indent), WIDTH - mark.length - indent - 2);
  const deeper = rest.map((part) => " ".repeat(indent + 2) + part);
  return [" ".repeat(indent) + first, ...deeper].map((part) => mark + part);
}

/** `1 case`, `2 cases`, `2 patches`. */
export function plural(count: number, noun: string): string {
  const ending = count === 1 ? "" : /(s|x|ch|sh)$/.test(noun) ? "es" : "s";
  return `${count} ${noun}${ending}`;
}
