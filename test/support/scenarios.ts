import fc from "fast-check";
import type { Scenario, ThreadStep } from "../../src/explore/scenario.ts";

export const slot = (id: number, gpa: string, hva: string, more: object = {}): ThreadStep => ({
  do: "set_memory_region",
  slot: id,
  gpa,
  size: "0x1000",
  hva,
  ...more,
});
export const access = (vcpu: number, gpa: string, kind: "read" | "write" = "read"): ThreadStep => ({
  do: "access",
  vcpu,
  gpa,
  kind,
});

/** A VM with two vCPUs, two pages of RAM, of which the first has mapped one, and MMIO that the second knows. */
export const scenario = (threads: Scenario["threads"], more: Partial<Scenario> = {}): Scenario => ({
  machine: { paging: "npt", page_budget: 1000 },
  setup: [
    { do: "create_vcpu" },
    { do: "create_vcpu" },
    slot(1, "0x0", "0x10000000", { size: "0x2000" }),
    access(0, "0x0"),
    access(1, "0x700000"),
  ],
  threads,
  after: [],
  forever: [],
  ...more,
});

const writer = fc.constantFrom<ThreadStep[]>(
  [slot(2, "0x700000", "0x20000000")],
  [slot(1, "0x0", "0x10000000", { size: "0x0" })],
  [slot(1, "0x0", "0x10000000", { size: "0x2000", flags: 1 })],
  [slot(1, "0x0", "0x10000000", { size: "0x0" }), slot(1, "0x0", "0x20000000")],
  [
    slot(1, "0x0", "0x10000000", { size: "0x2000", flags: 1 }),
    slot(1, "0x0", "0x10000000", { size: "0x2000" }),
  ],
);
const vcpu = fc.constantFrom<ThreadStep[]>(
  [access(0, "0x0", "write")],
  [access(0, "0x700000")],
  [access(1, "0x700000", "write")],
  [access(1, "0x0")],
  [access(1, "0x1000")],
  [access(1, "0x1000", "write"), access(0, "0x1000")],
);
const third = fc.constantFrom<ThreadStep[] | null>(
  null,
  null,
  [{ do: "host_release", hva: "0x10000000" }],
  [{ do: "host_release", hva: "0x10001000" }],
  [{ do: "shrink" }],
  [{ do: "flush_shadow_all" }],
);
/** With two bits of generation, the next install or the one after it wraps. */
const wraps = fc.constantFrom("0x6", "0x4", null);
/** What may run at the same time, and on which layer. */
export const generated = fc.record({
  writer,
  vcpu,
  third,
  breaks: fc.nat({ max: 1 }),
  layer: fc.constantFrom(0, 1, 2, 3, 10, 11, 13, 14, 17, 21, 23, 25, 27),
  wraps,
});

export function scenarioOf(
  threads: Readonly<Record<string, ThreadStep[] | null>>,
  breaks: number,
  wraps: string | null,
): Scenario {
  const named = Object.entries(threads).filter(([, steps]) => steps !== null);
  const explored = scenario(Object.fromEntries(named) as Scenario["threads"], {
    ...(breaks > 0 && { contention: { who: "cpu", breaks } }),
  });
  if (wraps === null) return explored;
  const inject = { do: "inject", what: "generation", as: 0, generation: wraps } as const;
  return {
    ...explored,
    machine: { ...explored.machine, mmio_generation_bits: 2 },
    setup: [...explored.setup, inject],
  };
}
