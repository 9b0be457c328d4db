import { describe, expect, test } from "vitest";
import { recordOnReference } from "../../../src/adapters/reference/reference-implementation.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import type { ProbeStep, Step } from "../../../src/scenario/case.generated.ts";
import { aCase, aCaseThat, ram } from "../../support/a-case.ts";

const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };

/** What a probe shows after one access to RAM. */
function probed(what: Omit<ProbeStep, "do">, layer = 27) {
  const scenario = aCaseThat(ram(16), read, { do: "probe", ...what });
  const { result, events } = recordOnReference(composeThrough(layer), scenario).steps.at(-1)!;
  return { result, events: events.map(({ event }) => event) };
}

describe("a probe of kvm_mmu_remote_flush_or_zap tells", () => {
  const what = "kvm_mmu_remote_flush_or_zap";

  test("that there was nothing to do", () => {
    expect(probed({ what, list: "empty" })).toEqual({
      result: { returned: false, pages_left: 0 },
      events: [],
    });
  });

  test("that it flushed", () => {
    expect(probed({ what, list: "empty", remote_flush: true })).toEqual({
      result: { returned: true, pages_left: 0 },
      events: ["remote_flush"],
    });
  });

  test("that it freed the prepared pages: the oldest one that is no root", () => {
    const { result, events } = probed({ what, list: "pages" });
    expect(result).toEqual({ returned: true, pages_left: 0 });
    expect(events).toEqual(["prepare_zap", "commit", "remote_flush", "free"]);
  });

  test("that it does not exist below its patch", () => {
    expect(probed({ what, list: "empty" }, 9).result).toEqual({ missing: true });
  });
});

test("a probe of kvm_mmu_flush_or_zap tells what is left; it flushes as it is asked to", () => {
  const what = "kvm_mmu_flush_or_zap";
  expect(probed({ what, list: "pages" }).result).toEqual({ pages_left: 0 });
  expect(probed({ what, list: "empty", local_flush: true }).events).toEqual(["local_flush"]);
  expect(probed({ what, list: "empty", remote_flush: true }).events).toEqual(["remote_flush"]);
});

test("probes of the generation in an entry are inverse to each other", () => {
  const encoded = probed({ what: "encode_generation", generation: "0x1234" }).result["raw"];
  expect(encoded).toMatch(/^0x[0-9a-f]+$/);
  expect(probed({ what: "decode_generation", raw: encoded as string }).result).toEqual({
    generation: "0x1234",
  });
});

test("a probe of the hook tells what it takes on an architecture", () => {
  const what = "memslots_updated_hook";
  expect(probed({ what, architecture: "s390" }).result).toEqual({ argument: "generation" });
  expect(probed({ what, architecture: "s390" }, 0).result).toEqual({ argument: "memslots" });
  expect(probed({ what }, 0).result).toEqual({ argument: "memslots" });
});

test("a probe of kvm_mmu_invalidate_mmio_sptes calls it with a generation", () => {
  const what = "kvm_mmu_invalidate_mmio_sptes";
  expect(probed({ what, generation: "0x2" })).toEqual({ result: {}, events: [] });
  expect(probed({ what, generation: "0x0" }, 12).events).toContain("invalidate_zap_all_pages");
});

test.each<{ probe: ProbeStep; steps: Step[]; problem: string }>([
  {
    probe: { do: "probe", what: "kvm_mmu_flush_or_zap" },
    steps: [],
    problem: "ModelBug: the probe needs a vCPU",
  },
  {
    probe: { do: "probe", what: "kvm_mmu_remote_flush_or_zap", list: "pages" },
    steps: [{ do: "create_vcpu" }],
    problem: "ModelBug: the probe needs a shadow page that is no root",
  },
])(
  "without what it needs, a probe of $probe.what breaks the run down",
  ({ probe, steps, problem }) => {
    const { failure } = recordOnReference(composeThrough(27), aCase({ steps: [...steps, probe] }));
    expect(failure?.message).toBe(problem);
  },
);
