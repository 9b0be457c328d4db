import { expect, test } from "vitest";
import { runJunit } from "../../src/report/run-junit.ts";
import type { RunReport } from "../../src/report/run-report.ts";
import { aCase } from "../support/a-case.ts";
import { aFailure, aReport, aResult, HARMLESS, hostileReport, UNSEEN } from "../support/results.ts";
import { parseXml, type XmlElement } from "../support/xml.ts";

const FUNCTION = "kvm_mmu_invalidate_zap_pages_in_memslot";

/** The test cases of the only suite. */
function cases(report: RunReport): readonly XmlElement[] {
  const { children } = parseXml(runJunit(report));
  expect(children).toHaveLength(1);
  return children[0]!.children.filter(({ name }) => name === "testcase");
}

/** What stands in the only test case. */
function outcome(result: ReturnType<typeof aResult>): readonly XmlElement[] {
  const found = cases(aReport([result]));
  expect(found).toHaveLength(1);
  return found[0]!.children;
}

test("a suite for each patch, in order, with what it counts and who was under test", () => {
  const of3 = aCase({ id: "p03.a", patch: 3 });
  const missing = ["event:free"];
  const root = parseXml(
    runJunit(
      aReport([
        ...[aResult(), aFailure(), aResult({ verdict: "has-slip" })],
        aResult({ scenario: of3, verdict: "not-assessed", missing }),
        aFailure({ verdict: "timed-out", scenario: of3 }),
      ]),
    ),
  );
  expect(root).toMatchObject({
    name: "testsuites",
    attributes: {
      name: "kvm-mmu-conformance",
      tests: "5",
      failures: "1",
      errors: "1",
      skipped: "1",
    },
  });
  expect(root.children.map(({ name, attributes }) => [name, attributes])).toEqual([
    [
      "testsuite",
      { name: "03-no-caching-in-flux", tests: "2", failures: "0", errors: "1", skipped: "1" },
    ],
    [
      "testsuite",
      { name: "11-zap-only-the-slot", tests: "3", failures: "1", errors: "0", skipped: "0" },
    ],
  ]);
  const [properties, first] = root.children[1]!.children as [XmlElement, XmlElement];
  expect(properties.children.map(({ attributes }) => Object.values(attributes))).toEqual([
    ["implementation", "mine"],
    ["version", "1.0"],
    ["claim", "layer 11 as promised"],
  ]);
  expect(first).toMatchObject({
    attributes: { classname: "11-zap-only-the-slot", name: "p11.small.case" },
    children: [],
  });
});

test("a failure says where, what was expected and seen, who is responsible, and who does the same", () => {
  expect(outcome(aFailure({ equals: ["9", "10 merged"] }))).toEqual([
    {
      name: "failure",
      attributes: { type: "fails", message: "expected hit; seen mapped" },
      children: [],
      text: [
        "A small case that is true",
        "at /steps/0/expect/outcome",
        "  expected  hit",
        "  seen      mapped",
        `responsible: ${FUNCTION} (patch 11)`,
        "equals layer 9 as promised, 10 as merged",
      ].join("\n"),
    },
  ]);
});

test("a failure is told whole, however many violations there are", () => {
  const violations = Array.from({ length: 20 }, (_, n) => ({
    ...{ pointer: `/steps/${n}`, expected: "a", seen: "b" },
  }));
  const [{ text }] = outcome(aFailure({ violations })) as [XmlElement];
  expect(text).toContain("at /steps/19\n");
});

test.each(["crashed", "timed-out", "protocol-error"] as const)(
  "what has %s is an error, with its log",
  (verdict) => {
    const violations = [{ pointer: "/steps/2", expected: "the run goes on", seen: "it is gone" }];
    const [error] = outcome(aResult({ verdict, violations, log: ["panic", "  at x"] }));
    expect(error).toMatchObject({
      name: "error",
      attributes: { type: verdict, message: "expected the run goes on; seen it is gone" },
    });
    expect(error!.text).toContain("its last words on stderr\n  panic\n    at x\n");
  },
);

test("what was not assessed is skipped, with what is missing", () => {
  const missing = ["event:free", "point:commit"];
  expect(outcome(aResult({ verdict: "not-assessed", missing }))).toEqual([
    {
      ...{ name: "skipped", attributes: { message: "needs event:free, point:commit" } },
      ...{ children: [], text: "" },
    },
  ]);
});

test("what is known passes, and says so; what passes against expectation fails", () => {
  expect(outcome(aResult({ verdict: "has-remedy" }))).toMatchObject([
    { name: "system-out", text: "with a remedy" },
  ]);
  const [deviates] = outcome(aFailure({ verdict: "deviates" }));
  expect(deviates!.name).toBe("system-out");
  expect(deviates!.text).toMatch(/^known to deviate\nA small case[^]*\n {2}seen {6}mapped\n/);
  expect(outcome(aResult({ verdict: "unexpected-pass" }))).toMatchObject([
    {
      name: "failure",
      attributes: { type: "unexpected-pass", message: "it conforms, and is said not to" },
    },
  ]);
});

test("a deviation that was not seen fails, in a suite of its own", () => {
  const root = parseXml(runJunit(aReport([aResult(), aFailure()], { unseen: UNSEEN })));
  expect(root.attributes).toMatchObject({ tests: "4", failures: "3", errors: "0", skipped: "0" });
  expect(root.children.map(({ attributes }) => attributes["name"])).toEqual([
    ...["11-zap-only-the-slot", "deviations"],
  ]);
  const last = root.children[1]!;
  expect(last.attributes).toMatchObject({ tests: "2", failures: "2", errors: "0", skipped: "0" });
  expect(last.children.map(({ attributes }) => attributes["name"])).toEqual([
    ...["patch 3", "p11.small.case"],
  ]);
  expect(last.children[0]).toMatchObject({
    attributes: { classname: "deviations" },
    children: [
      {
        name: "failure",
        attributes: { type: "deviation-not-seen", message: "known to deviate, and does not" },
        text: "it was reverted\nhttps://example.org/1",
      },
    ],
  });
});

test("a run of nothing is a document, too", () => {
  expect(parseXml(runJunit(aReport([])))).toMatchObject({
    attributes: { tests: "0" },
    children: [],
  });
});

test("whatever an implementation says is text, in text and in attributes", () => {
  const root = parseXml(runJunit(hostileReport()));
  const [properties, testcase] = root.children[0]!.children as [XmlElement, XmlElement];
  expect(properties.children[0]!.attributes["value"]).toBe(HARMLESS);
  const [error] = testcase.children as [XmlElement];
  expect(error.attributes["message"]).toBe(`expected the run goes on; seen ${HARMLESS}`);
  // Long lines are broken: at spaces, and longer words.
  const text = error.text.replaceAll(/\n */g, " ");
  expect(text).toContain(`its last words on stderr ${HARMLESS}`);
  expect(error.children).toEqual([]);
});
