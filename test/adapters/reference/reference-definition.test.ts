import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Implementation } from "../../../src/adapters/implementation.ts";
import { definedImplementation } from "../../../src/adapters/protocol/definition.ts";
import type {
  Answer,
  Question,
  Request,
  WireStep,
} from "../../../src/adapters/protocol/messages.ts";
import { readResponse } from "../../../src/adapters/protocol/response.ts";
import { introductionOf, Server } from "../../../src/adapters/protocol/serve.ts";
import { Session } from "../../../src/adapters/protocol/session.ts";
import { mistakeIn } from "../../../src/adapters/protocol/validate-message.ts";
import { declaredFacts } from "../../../src/adapters/reference/facts.ts";
import { referenceDefinition } from "../../../src/adapters/reference/reference-definition.ts";
import { recordOnReference } from "../../../src/adapters/reference/reference-implementation.ts";
import { comparable } from "../../../src/conformance/comparable.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { neededCapabilities } from "../../../src/scenario/capabilities.ts";
import type { Step } from "../../../src/scenario/case.generated.ts";
import { loadCases } from "../../../src/scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../../../src/scenario/package-root.ts";
import { aCaseThat, ram } from "../../support/a-case.ts";

const cases = loadCases();
const definitionOf = (layer: number) => referenceDefinition(composeThrough(layer), "reference");

/** The reference, asked through lines of text. */
function served(layer: number): Implementation {
  const definition = definitionOf(layer);
  const server = new Server(definition);
  let id = 0;
  const ask = async (question: Question) => {
    const request: Request = { jsonrpc: "2.0", id: ++id, ...question };
    return readResponse(await server.answer(JSON.stringify(request)), request);
  };
  return definedImplementation({
    ...definition,
    create: (machine, events) => {
      const made = ask({ method: "reset", params: { machine, events: [...events] } });
      return {
        step: async (params) => {
          await made;
          return await ask({ method: "step", params });
        },
      };
    },
  });
}

/** Whether they show what the reference shows when it is asked directly, in all of these cases. */
async function expectTheSame(
  layer: number,
  implementations: readonly Implementation[],
  some = cases,
): Promise<void> {
  const composition = composeThrough(layer);
  for (const scenario of some) {
    const direct = recordOnReference(composition, scenario);
    const shown = comparable(scenario, direct);
    for (const implementation of implementations) {
      const record = await implementation.record(scenario);
      expect(comparable(scenario, record), scenario.id).toEqual(shown);
      expect(record.failure?.kind, scenario.id).toBeUndefined();
      expect(record.failure?.message.replace("it gives up: ", "")).toBe(direct.failure?.message);
    }
  }
}

test.each([0, 8, 14, 27])(
  "on layer %i every case is recorded the same, as a definition and through text",
  async (layer) => {
    await expectTheSame(layer, [definedImplementation(definitionOf(layer)), served(layer)]);
  },
);

test("in a process of its own as well: kmc serve", async () => {
  const command = `exec node "${join(PACKAGE_ROOT, "bin/kmc.js")}" serve --layer 8`;
  const session = await Session.start(command, { stepTimeout: 30_000 });
  onTestFinished(async () => {
    await session.close();
  });
  expect(session.name).toBe("reference, layer 8 as promised");
  const some = cases.filter((_, i) => i % 12 === 0);
  expect(some.length).toBeGreaterThan(30);
  await expectTheSame(8, [session], some);
  expect(session.restarts).toBe(0);
});

test("whatever fails, fails in the same place", async () => {
  const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };
  const broken: Step = { do: "access", vcpu: 0, gva: "0x5000" };
  const scenario = aCaseThat(ram(16), read, broken, read);
  for (const implementation of [definedImplementation(definitionOf(27)), served(27)]) {
    const { steps, failure } = await implementation.record(scenario);
    expect(steps).toHaveLength(3);
    expect(failure).toEqual({
      pointer: "/steps/3",
      message:
        "it gives up: ModelBug: vCPU 0 runs without page tables of its own: an access needs a gpa",
    });
  }
});

test("it introduces itself as the schema wants it, and offers whatever the suite needs", () => {
  const definition = definitionOf(27);
  const question: Question = {
    method: "initialize",
    params: { protocol: 1, runner: { name: "kmc", version: "1" } },
  };
  expect(mistakeIn(introductionOf(definition), question)).toBeNull();
  expect(definition.facts).toEqual(declaredFacts(composeThrough(27)));
  const { offers } = definedImplementation(definition);
  for (const scenario of cases) {
    expect(neededCapabilities(scenario).filter((name) => !offers(name))).toEqual([]);
  }
});

describe("it says no more than it is asked for:", () => {
  test("only the kinds of events that reset named, and none if none were", () => {
    const answers = (events: Iterable<"page_fault" | "get_page">) => {
      const vm = definitionOf(27).create({}, new Set(events));
      const steps = [{ do: "create_vcpu" } as const, ram(16), ...READS];
      return steps.map((step) => vm.step(step as never)) as Answer[];
    };
    const [, , first, second] = answers(["page_fault"]);
    expect(first?.events?.map(({ event }) => event)).toEqual(["page_fault"]);
    expect(second).toEqual({ outcome: "hit", hva: "0x10005000", value: "0x0" });
    for (const answer of answers([])) expect(answer).not.toHaveProperty("events");
  });

  test("a snapshot of places has as many as were asked for, in order", () => {
    const vm = definitionOf(27).create({}, new Set());
    for (const step of [{ do: "create_vcpu" }, ram(16), ...READS]) void vm.step(step as never);
    const place = (gpa: string) => ({ vcpu: 0, gpa });
    const asked: WireStep = {
      ...({ do: "snapshot", parts: ["entries", "tlb"] } as const),
      entries: ["0x6000", "0x5000"].map(place),
      tlb: ["0x5000"].map(place),
    };
    expect(vm.step(asked)).toMatchObject({
      entries: [{ kind: "none" }, { kind: "leaf", gfn: "0x5" }],
      tlb: [{ hva: "0x10005000" }],
    });
  });
});

const READS = [1, 2].map(() => ({ do: "access", vcpu: 0, gpa: "0x5000" }) as const);
