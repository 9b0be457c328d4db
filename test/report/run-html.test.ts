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
  expect(good).toContain("<h1>mine 1.0</h1>\n<p>Judged as layer 11 as promised.</p>");
  expect(good).toContain(
    '<p class="verdict good">\n<b>Conforms.</b> 1 case: 1 conform, 0 fail, 0 not assessed\n</p>',
  );
  expect(good).toContain("<p>2 cases of these patches left out: about other compositions</p>");
  const bad = html([aResult(), aFailure()]);
  expect(bad).toContain('<p class="verdict bad">\n<b>Does not conform.</b> 2 cases: ');
  expect(bad).toContain(
    '<ul><li><b class="tag bad">fail</b> <a href="#p11.small.case">p11.small.case</a> A small case that is true</li></ul>',
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

describe("a case", () => {
  const record = caseRecord(stepRecord({ vcpu: 0 }, [wire("free", { gfn: "0x5", level: 1 })]));

  test("is told with its steps and events; closed, if it conforms", () => {
    const text = html([aResult({ record })]);
    expect(text).toContain(
      '<details id="p11.small.case"><summary><b class="tag good">conform</b> A small case that is true <code>p11.small.case</code></summary>',
    );
    expect(text).toContain(
      '<ol class="steps" start="0"><li>create_vcpu → vcpu 0<ul><li>free (gfn 0x5, level 1)</li></ul></li></ol>',
    );
    expect(text).not.toContain("<pre");
  });

  test("that fails is open, and says why, all of it", () => {
    const violations = Array.from({ length: 9 }, (_, n) => ({
      ...{ pointer: `/steps/${n}`, expected: "a", seen: "b" },
    }));
    const text = html([aFailure({ record, violations, equals: ["10"] })]);
    expect(text).toContain('<details id="p11.small.case" open>');
    expect(text).toMatch(/<pre class="seen">[^<]*\nat \/steps\/8\n[^<]*\nequals layer 10<\/pre>/);
    expect(text).toContain("<li>create_vcpu → vcpu 0");
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
