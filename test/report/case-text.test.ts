import { expect, test } from "vitest";
import { caseText } from "../../src/report/case-text.ts";
import { neededCapabilities } from "../../src/scenario/capabilities.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { plain } from "../support/lines.ts";
import { caseRecord, stepRecord, wire } from "../support/records.ts";
import { aLine, aRow } from "../support/results.ts";

const steps: Case["steps"] = [{ do: "create_vcpu" }, { do: "shrink" }];
const rows = [aRow("promised", "#")];

test("a case is told: what it is, where it holds, what happened", () => {
  const line = aLine(rows, { steps, machine: { paging: "pae", resident: [] } as never });
  const record = caseRecord(
    stepRecord({ vcpu: 0 }),
    stepRecord({ freed: 2 }, [wire("commit", { pages: 2 }), wire("reload")]),
  );
  const text = plain(caseText(line, "layer 11 as promised", record));
  const [needs, machine] = ["needs  ", "machine  "].map((label) =>
    text.findIndex((each) => each.startsWith(label)),
  ) as [number, number];
  const needed = text
    .splice(needs, machine - needs)
    .join(" ")
    .replaceAll(/ +/g, " ");
  expect(needed).toBe(`needs ${neededCapabilities(line.scenario).join(", ")}`);
  expect(text).toEqual([
    "p11.small.case",
    "A small case that is true",
    "",
    "It is as small as a case can be, so that a test may change what it is about.",
    "",
    "responsible  kvm_mmu_invalidate_zap_pages_in_memslot",
    "machine      paging pae, resident []",
    "",
    `${" ".repeat(67)}layer`,
    `case${" ".repeat(55)}under   0         1         2`,
    `${" ".repeat(67)}0123456789012345678901234567`,
    "",
    "11 KVM: x86/mmu: Zap only the relevant pages when removing a memslot",
    `p11.small.case${" ".repeat(45)}promise ${"#".repeat(28)}`,
    "",
    "on layer 11 as promised",
    "  0 create_vcpu → vcpu 0",
    "  1 shrink → freed 2",
    "      commit (pages 2)",
    "      reload",
  ]);
});

test("a run that ended before its time says where and why", () => {
  const failure = { pointer: "/steps/1", message: "KernelBug: it broke" };
  const record = { ...caseRecord(stepRecord({ vcpu: 0 })), failure };
  const text = plain(caseText(aLine(rows, { steps }), "layer 0", record));
  expect(text).toContain("machine      the default one");
  expect(text.slice(-2)).toEqual(["  0 create_vcpu → vcpu 0", "/steps/1: KernelBug: it broke"]);
});
