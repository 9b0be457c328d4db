import { printable } from "./printable.ts";

/** Text inside XML or HTML: never markup, and no character that XML does not allow. */
export const escapeMarkup = (text: string): string =>
  printable(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

/** An XML element, over several lines if it has children. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly string[] = [],
): string[] {
  const pairs = Object.entries(attributes).map(
    ([attribute, value]) => ` ${attribute}="${escapeMarkup(String(value))}"`,
  );
  const start = `<${name}${pairs.join("")}`;
  if (children.length === 0) return [`${start}/>`];
  return [`${start}>`, ...children.map((line) => `  ${line}`), `</${name}>`];
}

/** An XML element that holds lines of text. */
export function textElement(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  lines: readonly string[],
): string[] {
  const [start = ""] = element(name, attributes, [""]);
  return [`${start}${lines.map(escapeMarkup).join("\n")}</${name}>`];
}
