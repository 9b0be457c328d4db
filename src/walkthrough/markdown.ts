/** Markdown of the pages, safe from what the text may hold. */

/** Text in a cell of a table or a paragraph. */
export const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[|*_[\]]/g, String.raw`\$&`);

export const code = (text: string): string => `\`${text}\``;

export const link = (text: string, target: string): string => `[${text}](${target})`;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  // The cells would be padded to the longest one.
  "<!-- prettier-ignore -->",
  `| ${head.join(" | ")} |`,
  `| ${head.map(() => "---").join(" | ")} |`,
  ...rows.map((cells) => `| ${cells.join(" | ")} |`),
];

/** Text in HTML, which Vue compiles. */
export const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
