import { describe, expect, test } from "vitest";
import type { Step } from "../../src/scenario/case.generated.ts";
import { CaseRun } from "../../src/stepper/case-run.ts";
import { sideOf } from "../../src/stepper/composition.ts";
import type { PanelName } from "../../src/stepper/panels/index.ts";
import { vcpuRows } from "../../src/stepper/panels/vcpus.ts";
import { differing, row } from "../../src/stepper/row.ts";
import { Session } from "../../src/stepper/session.ts";
import { aCaseThat, ram } from "../support/a-case.ts";

/** The rows of a panel after these steps, indented. */
function rowsAfter(side: string, panel: PanelName, ...steps: Step[]): string[] {
  const session = new Session([sideOf(side)], { scenario: aCaseThat(...steps) });
  while (session.forward());
  return session.views[0]!.panels[panel].map(
    ({ depth, text, stale }) => `${"  ".repeat(depth)}${stale ? "!" : ""}${text}`,
  );
}

const read = (gpa: string): Step => ({ do: "access", vcpu: 0, gpa });

test("memslots are shown with the generation of their address space", () => {
  expect(rowsAfter("8", "memslots", ram(16))).toEqual([
    "address space 0: generation 0x2",
    "  slot 1: gfn 0x0-0xf → hva 0x10000000",
    "address space 1 (SMM): generation 0x1",
  ]);
});

test("a set that is in flux says so", () => {
  const scenario = aCaseThat(ram(16));
  const session = new Session([sideOf("8")], { scenario });
  while (session.views[0]!.actors[0]!.at !== "memslots.published") session.forward();
  const [first] = session.views[0]!.panels.memslots;
  expect(first!.text).toBe(
    "address space 0: generation 0x8000000000000000 (for MMIO SPTEs 0x0), in flux",
  );
});

describe("the tree of shadow pages", () => {
  test("goes from the root to entries; leaves that continue each other are one row", () => {
    expect(rowsAfter("27", "tree", ram(16), read("0x5000"), read("0x20000"))).toEqual([
      "level 4 table, gfn 0x0, root of 1",
      "  [0] level 3 table, gfn 0x0",
      "    [0] level 2 table, gfn 0x0",
      "      [0] level 1 table, gfn 0x0, mmio_cached",
      "        [0-5] gfn 0x0-0x5 → hva 0x10000000",
      "        [32] MMIO, gfn 0x20, generation 0x2, current",
    ]);
  });

  test("shows MMIO entries of earlier generations, and what is obsolete", () => {
    const steps = [ram(16), read("0x20000"), read("0x5000"), ram(0)];
    expect(rowsAfter("10", "tree", ...steps)).toContain(
      "!level 4 table, gfn 0x0, root of 1, invalid, obsolete",
    );
    const next: Step = {
      ...{ do: "set_memory_region", slot: 2 },
      ...{ gpa: "0x40000000", size: "0x1000", hva: "0x20000000" },
    };
    expect(rowsAfter("27", "tree", ram(16), read("0x20000"), next)).toContain(
      "        ![32] MMIO, gfn 0x20, generation 0x2; now 0x4",
    );
  });

  test("gives rows their 64 bits", () => {
    const scenario = aCaseThat(ram(16), read("0x5000"));
    const session = new Session([sideOf("27")], { scenario });
    while (session.forward());
    const { tree } = session.views[0]!.panels;
    expect(tree.map(({ entry }) => entry?.level ?? null)).toEqual([null, 4, 3, 2, 1]);
    expect(tree.at(-1)!.entry!.raw >> 12n).toBe(0x10000n);
  });
});

describe("vCPUs", () => {
  test("show roots, MMIO cache and TLB", () => {
    expect(rowsAfter("27", "vcpus", ram(16), read("0x5000"), read("0x20000"))).toEqual([
      "vCPU 0: root gfn 0x0",
      "  MMIO cache: gfn 0x20, generation 0x2, would answer",
      "  TLB: page 0x5 → hva 0x10005000",
    ]);
  });

  test("show what they were asked to do", () => {
    const rows = rowsAfter("10", "vcpus", ram(16), read("0x5000"), ram(0));
    expect(rows).toContain("  requested: MMU_RELOAD");
  });

  test("show a translation that is gone from the tables and not flushed", () => {
    const scenario = aCaseThat(
      { do: "contend", who: "cpu", when: "always" },
      ram(16),
      read("0x0"),
      ram(0),
    );
    const session = new Session([sideOf("11")], { scenario });
    while (session.views[0]!.actors[0]!.at !== "mmu_lock.break") session.forward();
    const { vcpus, pending } = session.views[0]!.panels;
    expect(vcpus.at(-1)).toMatchObject({
      text: "TLB: page 0x0 → hva 0x10000000, gone from the tables",
      stale: true,
    });
    expect(pending[0]).toMatchObject({ key: "unflushed", stale: true });
  });
});

test("a translation to another frame than the tables' is gone from them, too", () => {
  const run = new CaseRun(sideOf("27").composition, aCaseThat(ram(16), read("0x5000")));
  while (run.turn !== null) run.goOn();
  run.kvm.vcpus[0]!.tlb.fill(5, 1, 0x10006, true);
  expect(vcpuRows(run.kvm).at(-1)!.text).toBe(
    "TLB: page 0x5 → hva 0x10006000, gone from the tables",
  );
});

test("rows differ that the other side has not, or has otherwise", () => {
  const left = [row("a", "1"), row("b", "2"), row("c", "3")];
  const right = [row("a", "1"), row("b", "9")];
  expect([...differing(left, right)]).toEqual(["b", "c"]);
  expect([...differing(right, left)]).toEqual(["b"]);
});
