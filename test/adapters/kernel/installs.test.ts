import { expect, test } from "vitest";
import type { WireEvent } from "../../../src/adapters/record.ts";
import { Installs } from "../../../src/adapters/kernel/installs.ts";

const SRCU = 0xffff_c900_007d_2ac8n;
const srcu = "srcu=0xffffc900007d2ac8";
const FLAG = "0x8000000000000002";

/** What the lines of probes tell: name and text of each, as Debian's 6.1 prints them. */
function told(...lines: readonly (readonly [string, string])[]) {
  const installs = new Installs();
  const events = lines.flatMap(
    ([probe, text]): (WireEvent | string)[] => installs.tell(probe, text, SRCU) ?? [probe],
  );
  return { events, unseen: installs.unseen };
}

test("an install is told by what readers see: published, waited for, the hook, the number stored", () => {
  const { events, unseen } = told(
    ["synchronize", `${srcu} as0=${FLAG} as1=0x1`],
    ["synchronize_end", ""],
    ["updated", `gen=4 kvm=0xffffc900007c9000 as0=${FLAG} as1=0x1`],
    ["updated_end", ""],
    ["committed", "as0=0x4 as1=0x1"],
  );
  expect(events).toEqual([
    { event: "memslots.published", as: 0, generation: FLAG },
    { event: "memslots.synchronized", as: 0 },
    { event: "memslots.arch-updated", generation: "0x4", as0: FLAG, as1: "0x1" },
    { event: "memslots.generation", as: 0, generation: "0x4" },
  ]);
  expect(unseen).toBe(null);
});

test("without patch 01 the hook sees a number that is stored already", () => {
  const { events, unseen } = told(
    ["synchronize", `${srcu} as0=0x2 as1=0x8000000000000003`],
    ["synchronize_end", ""],
    ["updated", "gen=5 kvm=0xffffc900007c9000 as0=0x2 as1=0x5"],
    ["updated_end", ""],
  );
  expect(events.slice(2)).toEqual([
    { event: "memslots.generation", as: 1, generation: "0x5" },
    { event: "memslots.arch-updated", generation: "0x5", as0: "0x2", as1: "0x5" },
  ]);
  expect(unseen).toBe(null);
});

test("a store that nobody sees afterwards is told as unseen; the next install sees it", () => {
  const first = [
    ["synchronize", `${srcu} as0=${FLAG} as1=0x1`],
    ["updated", `gen=4 as0=${FLAG} as1=0x1`],
    ["updated_end", ""],
  ] as const;
  expect(told(...first).unseen).toBe(4n);
  expect(told(...first, ["committed", `as0=${FLAG} as1=0x1`]).unseen).toBe(4n);
  expect(told(...first, ["synchronize", `${srcu} as0=0x8000000000000004 as1=0x1`]).unseen).toBe(
    null,
  );
});

test("readers of something else are waited for, too, and say nothing", () => {
  const { events } = told(
    ["synchronize", `srcu=0xffffc900007d0000 as0=${FLAG} as1=(fault)`],
    ["synchronize_end", ""],
    ["synchronize", `${srcu} as0=0x2 as1=0x1`],
    ["synchronize_end", ""],
    ["commit", "first=0x1 last=0x2 list=0x3"],
  );
  expect(events).toEqual(["commit"]);
});
