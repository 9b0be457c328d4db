/** An element of XML, as far as tests need it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The text of the element itself. */
  readonly text: string;
}

/** What XML 1.0 does not allow anywhere, not even escaped. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" },
};

/**
 * Reads a document without doctype, comments and sections, and is strict: every `<` and `&` begins
 * something, elements end in order. @throws Error
 */
export function parseXml(document: string): XmlElement {
  const forbidden = FORBIDDEN.exec(document);
  if (forbidden !== null) throw new Error(`a forbidden character at ${forbidden.index}`);
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!document.startsWith(head)) throw new Error("no declaration");
  let at = head.length;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(document);
    if (match !== null) at += match[0].length;
    return match;
  };
  const fail = (what: string): never => {
    throw new Error(`${what}: ${document.slice(at, at + 40)}`);
  };
  const decode = (text: string): string =>
    text.replaceAll(/&([^;]*);?/g, (_, name: string) => ENTITIES[name] ?? fail(`&${name}`));
  const element = (): XmlElement => {
    const [, name = ""] = take(/<([a-z-]+)/y) ?? fail("no element");
    const attributes: Record<string, string> = {};
    for (let pair; (pair = take(/\s+([a-z]+)="([^"<]*)"/y)) !== null;) {
      const [, attribute = "", value = ""] = pair;
      if (attribute in attributes) fail(`a second ${attribute}`);
      attributes[attribute] = decode(value);
    }
    const children: XmlElement[] = [];
    let text = "";
    if (take(/\/>/y) !== null) return { name, attributes, children, text };
    if (take(/>/y) === null) fail("no end of the tag");
    while (take(/<\//y) === null) {
      text += decode(take(/[^<]*/y)![0]);
      if (document[at + 1] !== "/") children.push(element());
    }
    if (take(/([a-z-]+)>/y)?.[1] !== name) fail(`no end of ${name}`);
    return { name, attributes, children, text };
  };
  const root = element();
  if (document.slice(at) !== "\n") fail("something after the end");
  return root;
}
