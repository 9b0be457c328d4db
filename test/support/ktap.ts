/** A test of a KTAP document, with its subtests. */
export interface KtapTest {
  readonly ok: boolean;
  readonly name: string;
  /** SKIP, XFAIL, TIMEOUT and so on, if there is one. */
  readonly directive: string | null;
  /** What stands behind it. */
  readonly data: string;
  /** The diagnostic lines before its result, without their marks. */
  readonly diagnostics: readonly string[];
  readonly subtests: readonly KtapTest[];
}

export interface KtapDocument {
  readonly tests: readonly KtapTest[];
  /** The diagnostic lines after the last result. */
  readonly diagnostics: readonly string[];
}

const DIRECTIVES = ["SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR"];
/** Those that only a result that is not ok may have. */
const BAD = ["TIMEOUT", "ERROR"];

/**
 * Reads KTAP, version 1 (Documentation/dev-tools/ktap.rst of Linux), and is stricter than a parser
 * for logs: lines of no known form are refused, a plan is needed, and so is a subtest at least.
 * @throws Error
 */
export function parseKtap(text: string): KtapDocument {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  let at = 0;
  const fail = (what: string, line = at): never => {
    throw new Error(`line ${line + 1}: ${what}: ${lines[line] ?? "the end"}`);
  };
  /** Takes a line of this form at this depth. */
  const take = (indent: string, pattern: RegExp): RegExpExecArray | null => {
    const line = lines[at];
    if (line?.startsWith(indent) !== true) return null;
    const match = pattern.exec(line.slice(indent.length));
    if (match !== null) at++;
    return match;
  };
  const diagnosticLines = (indent: string): string[] => {
    const found: string[] = [];
    for (let match; (match = take(indent, /^# (.*)$/)) !== null;) found.push(match[1]!);
    return found;
  };

  const level = (indent: string): KtapDocument => {
    if (take(indent, /^KTAP version 1$/) === null) fail("expected the version");
    const head = diagnosticLines(indent);
    const [, planned = ""] = take(indent, /^1\.\.(0|[1-9]\d*)$/) ?? fail("expected a plan");
    const tests: KtapTest[] = [];
    for (;;) {
      const first = tests.length === 0 ? head : [];
      const before = diagnosticLines(indent);
      const deeper = `${indent}  `;
      const isNested = lines[at]?.startsWith(deeper) === true;
      const inner = isNested ? level(deeper) : { tests: [], diagnostics: [] };
      if (isNested && inner.tests.length === 0) fail("a test without subtests above");
      const between = diagnosticLines(indent);
      const diagnostics = [...first, ...before, ...inner.diagnostics, ...between];
      const found = take(indent, /^(ok|not ok) (\d+) ([^#]+?)(?: # (.*))?$/);
      if (found === null) {
        if (isNested) fail("expected the result of the test above");
        if (tests.length !== Number(planned)) fail(`${tests.length} results, planned ${planned}`);
        return { tests, diagnostics };
      }
      const [, result, number, name = "", behind = ""] = found;
      if (Number(number) !== tests.length + 1) fail(`expected number ${tests.length + 1}`, at - 1);
      const [word = "", ...rest] = behind.split(" ");
      const directive = DIRECTIVES.includes(word) ? word : null;
      const ok = result === "ok";
      if (ok && directive !== null && BAD.includes(directive)) fail("it cannot be ok", at - 1);
      if (ok && inner.tests.some((test) => !test.ok)) fail("a subtest is not ok", at - 1);
      const data = directive === null ? behind : rest.join(" ");
      tests.push({ ok, name, directive, data, diagnostics, subtests: inner.tests });
    }
  };

  const document = level("");
  if (at < lines.length) fail("expected nothing more");
  return document;
}
