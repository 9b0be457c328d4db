import { describe, expect, test } from "vitest";
import { runHtml } from "../../src/report/run-html.ts";
import { aCase } from "../support/a-case.ts";
import { caseRecord, stepRecord, wire } from "../support/records.ts";
import { aFailure, aReport, aResult, hostileReport, UNSEEN } from "../support/results.ts";

const html = (...args: Parameters<typeof aReport>): string => runHtml(aReport(...args));
/** How often a text is there. */
const count = (text: string, part: string): number => text.split(part).length - 1;

test("the page needs nothing else: no script, nothing from elsewhere", () => {
  const text = html([aResult(), aFailure()]);
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">[^]*<\/html>\n$/);
  expect(text).not.toMatch(/<script|<link|<img|\bsrc=|url\(|@import|https?:/);
  for (const [, target] of text.matchAll(/href="#([^"]*)"/g))
    expect(text).toContain(` id="${target!}"`);
});

test("it says who was judged as what, with what verdict", () => {
  const good = html([aResult()], { leftOut: 2 });
  expect(good).toContain("<title>Conforms: mine 1.0</title>");
  expect(good).toContain(
    "<h1>mine <small>1.0</small></h1>\n<p>Judged as layer 11 as promised.</p>",
  );
  expect(good).toContain(
    '<p class="verdict good">\n<b>Conforms.</b> 1 case: 1 conform, 0 fail, 0 not assessed\n</p>',
  );
  expect(good).toContain("<p>2 cases of these patches left out: about other compositions</p>");
  const bad = html([aResult(), aFailure()]);
  expect(bad).toContain('<p class="verdict bad">\n<b>Does not conform.</b> 2 cases: ');
  expect(bad).toContain(
    '<ul class="plain"><li><b class="tag bad">fails</b> <a href="#p11.small.case">p11.small.case</a> A small case that is true</li></ul>',
  );
});

test("deviations that were not seen are told; with them it is not as it should be", () => {
  const text = html([aResult()], { unseen: UNSEEN });
  expect(text).toContain('<p class="verdict bad">\n<b>Does not deviate as said.</b> 1 case: ');
  expect(text).toContain("<p>deviation not seen: patch 3 (it was reverted)</p>");
});

test("how each patch fared", () => {
  const of12 = aCase({ id: "p12.a", patch: 12 });
  const text = html([aFailure(), aResult(), aResult({ scenario: of12 })]);
  expect(text).toContain("<thead><tr><th>patch</th><th>conform</th><th>fail</th></tr></thead>");
  expect(text).toContain(
    '<tr><td><a href="#11-zap-only-the-slot">11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot</a></td><td>1</td><td>1</td></tr>',
  );
  expect(text).toContain("</a></td><td>1</td><td>0</td></tr>");
  expect(text.indexOf('<section id="11-zap')).toBeLessThan(text.indexOf('<section id="12-doc'));
});

test("a matrix for each patch: where a case holds, and which layers do what was seen", () => {
  const scenario = aCase({
    layers: { from: 11, to: 26 },
    alsoHolds: [{ layers: { from: 3, to: 3 }, because: "so" }],
  });
  const text = html([aFailure({ scenario, equals: ["2", "3", "12 merged"] }), aResult()]);
  const rows = text.split("\n").filter((line) => line.startsWith('<tr><td><a href="#p11'));
  expect(rows).toHaveLength(2);
  const kinds = [...rows[0]!.matchAll(/<td class="layer"><b class="cell (\w+)( same)?">/g)];
  expect(kinds.map(([, kind, same = ""]) => `${kind}${same}`)).toEqual([
    ...["off", "off", "off same", "on same", "off", "off", "off", "off", "off", "off", "off"],
    ...["on", "on same", ...Array.from({ length: 14 }, () => "on"), "off"],
  ]);
  expect(rows[0]).toContain(
    '<a href="#p11.small.case">p11.small.case</a></td><td><b class="tag bad">fails</b></td>',
  );
  expect(rows[1]).not.toContain(" same");
  expect(text.match(/<th class="layer">/g)).toHaveLength(28);
});

describe("a case", () => {
  const record = caseRecord(stepRecord({ vcpu: 0 }, [wire("free", { gfn: "0x5", level: 1 })]));

  test("is told with its steps and events; closed, if it conforms", () => {
    const text = html([aResult({ record })]);
    expect(text).toContain(
      '<details id="p11.small.case"><summary><b class="tag good">conforms</b> A small case that is true <code>p11.small.case</code></summary>',
    );
    expect(text).toContain(
      '<ol class="steps" start="0"><li>create_vcpu → vcpu 0<ul class="events"><li>free (gfn 0x5, level 1)</li></ul></li></ol>',
    );
    expect(text).not.toContain("<pre");
  });

  test("that fails is open, and says why, all of it", () => {
    const violations = Array.from({ length: 9 }, (_, n) => ({
      ...{ pointer: `/steps/${n}`, expected: "a", seen: "b" },
    }));
    const text = html([aFailure({ record, violations, equals: ["10"] })]);
    expect(text).toContain('<details id="p11.small.case" open>');
    // What stands around it already is not said again: title and function.
    expect(text).toMatch(
      /<pre class="seen">at \/steps\/0\n[^<]*\nat \/steps\/8\n[^<]*\n {2}seen {6}b\nequals layer 10 as promised<\/pre>/,
    );
    expect(text).toContain('<li class="wrong">create_vcpu → vcpu 0');
  });

  test("shows the steps in which something is wrong", () => {
    const scenario = aCase({
      steps: Array.from({ length: 11 }, () => ({ do: "create_vcpu" as const })),
    });
    const steps = Array.from({ length: 11 }, () => stepRecord());
    const violations = ["", "/steps/10/expect/outcome", "/expect/counts/3", "/steps/4"].map(
      (pointer) => ({ pointer, expected: "a", seen: "b" }),
    );
    const text = html([aFailure({ scenario, record: caseRecord(...steps), violations })]);
    const items = [...text.matchAll(/<li( class="wrong")?>create_vcpu</g)];
    expect(items).toHaveLength(11);
    expect(items.flatMap(([, wrong], i) => (wrong === undefined ? [] : [i]))).toEqual([4, 10]);
  });

  test("with threads: a line for each, then how they took turns, then the events", () => {
    const scenario = aCase({
      steps: [
        {
          ...{ do: "threads", schedule: [{ run: "a", until: "blocked" }, { run: "b" }] },
          threads: { a: [{ do: "shrink" }], b: [{ do: "create_vcpu" }] },
        },
      ],
    });
    const observed = {
      ...stepRecord({}, [wire("lock_break")]),
      threads: { a: [stepRecord({ freed: 1 })], b: [stepRecord({ vcpu: 1 })] },
      stops: [
        { run: "a", at: "blocked", reached: true },
        { run: "b", at: "end", reached: true },
      ],
    };
    expect(html([aResult({ scenario, record: caseRecord(observed) })])).toContain(
      '<li>threads<ul class="threads"><li>a: shrink → freed 1</li>' +
        "<li>b: create_vcpu → vcpu 1</li></ul>order: a to blocked, b to end" +
        '<ul class="events"><li>lock_break</li></ul></li>',
    );
  });

  test("that is known to deviate is closed, and says why", () => {
    const text = html([aFailure({ verdict: "deviates" })]);
    expect(text).toContain('<details id="p11.small.case"><summary>');
    expect(text).toContain('<pre class="seen">');
  });

  test("that was not assessed says what is missing", () => {
    const text = html([aResult({ verdict: "not-assessed", missing: ["event:free", "point:x"] })]);
    expect(text).toContain("<p>Needs <code>event:free, point:x</code></p>");
    expect(text).not.toContain('<ol class="steps"');
    expect(text).toContain('<b class="tag open">not assessed</b>');
  });
});

test("whatever an implementation says is text, never markup", () => {
  const text = runHtml(hostileReport());
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/<script|<\/pre><|\u001b|\u202e|\u0000/);
  // Title, heading, message, log, what a step returned, the name of an event and its field.
  expect(count(text, "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u202e")).toBe(9);
  expect(count(text, "</pre>")).toBe(1);
});
