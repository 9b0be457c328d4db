import { describe, expect, test } from "vitest";
import {
  type DefinedVm,
  definedImplementation,
  defineImplementation,
  type ImplementationDefinition,
} from "../../../src/adapters/protocol/definition.ts";
import { GivesUp } from "../../../src/adapters/protocol/failure.ts";
import type { Answer } from "../../../src/adapters/protocol/messages.ts";
import type { Case, Step } from "../../../src/scenario/case.generated.ts";
import { aCase } from "../../support/a-case.ts";

/** One whose shrinker does this, and which can do nothing else. */
const shrinking = (
  step: DefinedVm["step"],
  changes: Partial<ImplementationDefinition> = {},
): ImplementationDefinition =>
  defineImplementation({
    ...{ name: "small", version: "1", capabilities: ["operation:shrink", "fact:*"] },
    machine: { address_spaces: 2, physical_address_width: 40 },
    create: () => ({ step }),
    ...changes,
  });

const thrice: Case = aCase({ steps: [1, 2, 3].map((): Step => ({ do: "shrink" })) });

const record = async (definition: ImplementationDefinition, scenario = thrice) =>
  definedImplementation(definition).record(scenario);

/** Does well twice, and then this. */
const thirdTime = (last: () => Answer): ImplementationDefinition => {
  let times = 0;
  return shrinking(() => (++times < 3 ? { freed: times } : last()));
};

const twice = [1, 2].map((freed) => ({ result: { freed }, events: [] }));

test("an implementation as a definition is named, and offers what it says", () => {
  const facts = { mmio_generation_width: 64 };
  const { name, offers } = definedImplementation(shrinking(() => ({}), { facts }));
  expect(name).toBe("small");
  expect(offers("operation:shrink")).toBe(true);
  expect(offers("operation:access")).toBe(false);
  expect(offers("fact:mmio_generation_width")).toBe(true);
  expect(offers("fact:tracepoints")).toBe(false);
  expect(offers("machine:address_spaces=2")).toBe(true);
});

test("it is asked for the machine and the events of the case, then for its steps", async () => {
  const asked: unknown[] = [];
  const scenario: Case = {
    ...thrice,
    machine: { preempt: true },
    expect: { counts: [{ event: "free", count: 0 }] },
  };
  const definition = shrinking(() => ({ freed: 0 }), {
    create: (machine, events) => {
      asked.push(machine, [...events]);
      return {
        step: (step) => {
          asked.push(step);
          return { freed: 0 };
        },
      };
    },
  });
  await record(definition, scenario);
  const shrink = { do: "shrink" };
  expect(asked).toEqual([{ preempt: true }, ["free"], shrink, shrink, shrink]);
});

test("it may take its time", async () => {
  const definition = shrinking(() => Promise.resolve({ freed: 4 }));
  expect((await record(definition)).steps).toHaveLength(3);
});

test("each case has a VM of its own", async () => {
  const definition = shrinking(() => ({}), {
    create: () => {
      let freed = 0;
      return { step: () => ({ freed: freed++ }) };
    },
  });
  const first = await record(definition);
  expect(await record(definition)).toEqual(first);
});

test("its declared facts are in the record", async () => {
  const facts = { mmio_generation_width: 64 };
  const definition = shrinking(() => ({ freed: 0 }), { facts });
  const { steps } = await record(definition, aCase({ steps: [{ do: "facts" }] }));
  expect(steps).toEqual([{ result: facts, events: [] }]);
});

describe("it is out of the case when", () => {
  const oops = (): never => {
    throw new TypeError("vm.slots is undefined");
  };
  const says = (text: unknown) => (): never => {
    throw text;
  };
  test.each([
    {
      ...{ what: "it gives up", last: says(new GivesUp("BUG at mmu.c:42")) },
      failure: { message: "it gives up: BUG at mmu.c:42" },
    },
    {
      ...{ what: "it throws", last: oops },
      failure: { kind: "crashed", message: "it threw TypeError: vm.slots is undefined" },
    },
    {
      ...{ what: "it throws anything", last: says("oops") },
      failure: { kind: "crashed", message: "it threw oops" },
    },
    {
      ...{ what: "its answer does not fit", last: () => ({ freed: -1 }) },
      failure: { kind: "protocol-error", message: "in its answer, /freed must be >= 0" },
    },
  ])("$what", async ({ last, failure }) => {
    expect(await record(thirdTime(last))).toEqual({
      ...{ id: thrice.id, steps: twice },
      failure: { pointer: "/steps/2", ...failure },
    });
  });

  test("it cannot make the VM", async () => {
    const create = (): never => {
      throw new GivesUp("no such machine");
    };
    expect(await record(shrinking(oops, { create }))).toMatchObject({
      steps: [],
      failure: { pointer: "/steps/0", message: "it gives up: no such machine" },
    });
  });
});
