import type { FactsStep, SnapshotStep } from "../scenario/case.generated.ts";
import { countText, fieldsText, matchesCount, matchesFields } from "./match.ts";
import type { Violation } from "./violation.ts";

type Json = Readonly<Record<string, unknown>>;

/** Compares a snapshot of the state with what is expected of it. */
export function judgeSnapshot(step: SnapshotStep, snapshot: Json, pointer: string): Violation[] {
  const violations: Violation[] = [];
  const expected = step.expect ?? {};
  const list = (part: string): readonly Json[] => (snapshot[part] ?? []) as readonly Json[];
  const compare = (at: string, wanted: unknown, seen: unknown, what: string): void => {
    if (isAs(wanted, seen)) return;
    violations.push({
      pointer: `${pointer}/${at}`,
      expected: `${what} ${show(wanted)}`,
      seen: show(seen),
    });
  };

  for (const [i, { as, ...wanted }] of (expected.memslots ?? []).entries()) {
    const seen = list("memslots").find((set) => set["as"] === as);
    compare(`memslots/${i}`, wanted, pick(seen, wanted), `address space ${as}:`);
  }
  for (const [i, { where, count }] of (expected.pages ?? []).entries()) {
    const found = list("pages").filter((page) => matchesFields(where, page)).length;
    if (matchesCount(count, found)) continue;
    const which = where === undefined ? "" : ` with ${fieldsText(where)}`;
    violations.push({
      pointer: `${pointer}/pages/${i}`,
      expected: `${countText(count)} shadow pages${which}`,
      seen: String(found),
    });
  }
  for (const [i, { is, gpa, gva }] of (expected.entries ?? []).entries()) {
    compare(
      `entries/${i}`,
      is,
      pick(list("entries")[i], is),
      `the entry for ${String(gpa ?? gva)}:`,
    );
  }
  for (const [i, { is, gpa, gva }] of (expected.tlb ?? []).entries()) {
    const seen = (snapshot["tlb"] as readonly unknown[] | undefined)?.[i];
    compare(
      `tlb/${i}`,
      is,
      typeof is === "string" ? seen : pick(seen, is),
      `the TLB for ${String(gpa ?? gva)}:`,
    );
  }
  for (const [i, { vcpu, is }] of (expected.cache ?? []).entries()) {
    const seen = list("vcpus")[vcpu]?.["cache"];
    compare(
      `cache/${i}`,
      is,
      is === null ? seen : pick(seen, is),
      `the MMIO cache of vCPU ${vcpu}:`,
    );
  }
  for (const [i, { vcpu, is }] of (expected.requests ?? []).entries()) {
    compare(
      `requests/${i}`,
      [...is].sort(),
      list("vcpus")[vcpu]?.["requests"],
      `requests of vCPU ${vcpu}:`,
    );
  }
  const counters = (snapshot["counters"] ?? {}) as Readonly<Record<string, number>>;
  for (const [name, wanted] of Object.entries(expected.counters ?? {})) {
    const seen = counters[name];
    if (seen !== undefined && matchesCount(wanted, seen)) continue;
    violations.push({
      pointer: `${pointer}/counters/${name}`,
      expected: `${name} ${countText(wanted)}`,
      seen: show(seen),
    });
  }
  return violations;
}

/** Compares declared facts with what is expected of them. */
export function judgeFacts(step: FactsStep, facts: Json, pointer: string): Violation[] {
  const violations: Violation[] = [];
  const { tracepoints, operations, ...plain } = step.expect ?? {};
  const fail = (at: string, expected: string, seen: string): void => {
    violations.push({ pointer: `${pointer}/${at}`, expected, seen });
  };
  for (const [fact, wanted] of Object.entries(plain)) {
    if (!isAs(wanted, facts[fact])) fail(fact, `${fact} ${show(wanted)}`, show(facts[fact]));
  }
  for (const [name, fields] of Object.entries(tracepoints ?? {})) {
    const seen = ((facts["tracepoints"] ?? {}) as Json)[name] ?? null;
    if (!isAs(fields, seen))
      fail(`tracepoints/${name}`, `tracepoint ${name} ${show(fields)}`, show(seen));
  }
  if (operations === undefined) return violations;
  const names = (facts["operations"] ?? []) as readonly string[];
  for (const [i, name] of (operations.present ?? []).entries()) {
    if (!names.includes(name)) fail(`operations/present/${i}`, `${name} exists`, "it does not");
  }
  for (const [i, name] of (operations.absent ?? []).entries()) {
    if (names.includes(name)) fail(`operations/absent/${i}`, `${name} does not exist`, "it does");
  }
  const order = (operations.order ?? []).filter((name) => names.includes(name));
  const sorted = [...order].sort((a, b) => names.indexOf(a) - names.indexOf(b));
  if (order.length < (operations.order?.length ?? 0) || !isAs(order, sorted)) {
    fail("operations/order", (operations.order ?? []).join(" before "), sorted.join(" before "));
  }
  return violations;
}

/** The fields of `seen` that `wanted` speaks of. */
function pick(seen: unknown, wanted: object): unknown {
  if (typeof seen !== "object" || seen === null) return seen;
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, (seen as Json)[key]]));
}

const isAs = (wanted: unknown, seen: unknown): boolean => canonical(wanted) === canonical(seen);

function canonical(value: unknown): string {
  if (value === undefined) return "undefined";
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return JSON.stringify(value);
  }
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(show).join(", ");
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([field, inner]) => `${field} ${show(inner)}`);
  return fields.join(", ");
}
