/** What comes from a stub of the gdb remote serial protocol. */
export type Incoming =
  /** The last packet was received well (`+`) or is to be sent again (`-`). */
  | { readonly kind: "acknowledged" | "again" }
  | { readonly kind: "packet"; readonly text: string }
  /** A packet whose checksum is not that of what it holds. */
  | { readonly kind: "broken" };

const ESCAPED = /[#$}*]/g;
/** What an escaped character, and the count of a run, are away from what they stand for. */
const ESCAPE_XOR = 0x20;
const RUN_BIAS = 29;

/** A packet with its checksum; each character of the text is a byte. */
export function framed(text: string): string {
  const escaped = text.replaceAll(
    ESCAPED,
    (character) => `}${String.fromCharCode(character.charCodeAt(0) ^ ESCAPE_XOR)}`,
  );
  return `$${escaped}#${checksum(escaped)}`;
}

/** The sum of all bytes modulo 256, as two hexadecimal digits. */
function checksum(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum + text.charCodeAt(i)) & 0xff;
  return sum.toString(16).padStart(2, "0");
}

/** Cuts a stream of bytes, as latin1 text, into packets. */
export class PacketReader {
  #rest = "";

  *read(text: string): Generator<Incoming> {
    this.#rest += text;
    for (;;) {
      const first = this.#rest[0];
      if (first === undefined) return;
      if (first !== "$") {
        this.#rest = this.#rest.slice(1);
        if (first === "+") yield { kind: "acknowledged" };
        if (first === "-") yield { kind: "again" };
        continue;
      }
      const end = this.#rest.indexOf("#");
      if (end < 0 || this.#rest.length < end + 3) return;
      const content = this.#rest.slice(1, end);
      const sum = this.#rest.slice(end + 1, end + 3).toLowerCase();
      this.#rest = this.#rest.slice(end + 3);
      if (sum === checksum(content)) yield { kind: "packet", text: expanded(content) };
      else yield { kind: "broken" };
    }
  }
}

/** Without escapes and run-length encoding. */
function expanded(content: string): string {
  let text = "";
  for (let i = 0; i < content.length; i++) {
    const character = content[i]!;
    if (character === "}") {
      text += String.fromCharCode(content.charCodeAt(++i) ^ ESCAPE_XOR);
    } else if (character === "*") {
      text += text.slice(-1).repeat(content.charCodeAt(++i) - RUN_BIAS);
    } else text += character;
  }
  return text;
}
