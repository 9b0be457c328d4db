/** Characters at the beginning of a file that tell whether it is text. */
const LOOKED_AT = 512;

/** How a file begins that is no text, and what makes text of it. */
const KINDS: readonly { readonly begins: string; readonly says: (file: string) => string }[] = [
  {
    begins: "\x17\x08\x44tracing",
    says: (file) =>
      `is binary, as trace-cmd records; make text of it: trace-cmd report -N ${file} > ${file}.txt`,
  },
  {
    begins: "PERFILE2",
    says: () => "is binary, of perf, which is not read: record with tracefs or trace-cmd",
  },
  { begins: "\x28\xb5\x2f\xfd", says: (file) => packed("zstd", file) },
  { begins: "\xfd7zXZ\0", says: (file) => packed("xz", file) },
  { begins: "BZh", says: (file) => packed("bzip2", file) },
  { begins: "\xff\xfe", says: () => "is text of two bytes a character: save it as UTF-8" },
];

const packed = (by: string, file: string): string =>
  `is compressed by ${by}, which is not unpacked here: ${by} -dc ${file} | kmc trace -`;

/**
 * What a file is that is no text, and what to do, as the rest of a sentence; null for text.
 * @param beginning of the file, a character for each byte.
 */
export function binaryText(beginning: string, file: string): string | null {
  const known = KINDS.find(({ begins }) => beginning.startsWith(begins));
  if (known !== undefined) return known.says(file);
  const isBinary = beginning.slice(0, LOOKED_AT).includes("\0");
  return isBinary ? "is binary: what is read is the text of the trace file of tracefs" : null;
}
