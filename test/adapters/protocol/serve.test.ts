import { describe, expect, test } from "vitest";
import { defineImplementation } from "../../../src/adapters/protocol/definition.ts";
import { GivesUp } from "../../../src/adapters/protocol/failure.ts";
import { introductionOf, Server } from "../../../src/adapters/protocol/serve.ts";

/** It counts its shrinkers' calls, and does not stand the third. */
const definition = defineImplementation({
  ...{ name: "small", version: "1", language: "TypeScript", capabilities: ["operation:shrink"] },
  machine: { address_spaces: 2, physical_address_width: 40 },
  create: ({ paging }, events) => {
    if (paging === "shadow") throw new Error("no shadow paging yet");
    let freed = 0;
    return {
      step: async () => {
        await Promise.resolve();
        if (++freed === 3) throw new GivesUp("BUG: too many");
        return { freed, events: [...events].map((event) => ({ event })) };
      },
    };
  },
});

const introduction = {
  ...{ protocol: 1, name: "small", version: "1", language: "TypeScript" },
  ...{ capabilities: ["operation:shrink"] },
  machine: { address_spaces: 2, physical_address_width: 40 },
};

/** What is answered to these questions, one after the other, without what all answers have. */
async function conversation(...questions: readonly (readonly [string, object])[]) {
  const server = new Server(definition);
  const answers: unknown[] = [];
  for (const [id, [method, params]] of questions.entries()) {
    const line = await server.answer(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    const answer = JSON.parse(line) as object;
    expect(answer).toMatchObject({ jsonrpc: "2.0", id });
    answers.push("result" in answer ? answer.result : (answer as { error: unknown }).error);
  }
  return answers;
}

const reset = ["reset", { machine: {}, events: [] }] as const;
const shrink = ["step", { do: "shrink" }] as const;

test("a definition is introduced without what makes it work", () => {
  expect(introductionOf(definition)).toEqual(introduction);
});

test("a whole conversation", async () => {
  const withEvents = ["reset", { machine: {}, events: ["warn"] }] as const;
  const answers = await conversation(
    ...[["initialize", {}] as const, reset, shrink, shrink, withEvents, shrink],
    ["shutdown", {}],
  );
  const quiet = { events: [] };
  expect(answers).toEqual([
    ...[introduction, {}, { freed: 1, ...quiet }, { freed: 2, ...quiet }],
    ...[{}, { freed: 1, events: [{ event: "warn" }] }, {}],
  ]);
});

describe("is refused:", () => {
  test("a step without a VM", async () => {
    expect(await conversation(shrink)).toEqual([
      { code: -32000, message: "there is no VM; reset comes first" },
    ]);
  });

  test("what is no method", async () => {
    expect(await conversation(["stop", {}])).toEqual([
      { code: -32601, message: "there is no method stop" },
    ]);
  });

  test.each([
    { line: "{", code: -32700, message: "that is not JSON" },
    { line: "null", code: -32600, message: "that is no request" },
    { line: "[]", code: -32600, message: "that is no request" },
    { line: '{"id":1}', code: -32600, message: "that is no request" },
  ])("$line", async ({ line, code, message }) => {
    const answer = await new Server(definition).answer(line);
    expect(JSON.parse(answer)).toEqual({ jsonrpc: "2.0", id: null, error: { code, message } });
  });
});

test("who gives up does so for the rest of the case, and starts afresh with the next", async () => {
  const bug = { code: -32000, message: "BUG: too many" };
  const answers = await conversation(reset, shrink, shrink, shrink, shrink, reset, shrink);
  expect(answers.slice(3)).toEqual([bug, bug, {}, { freed: 1, events: [] }]);
});

test("a machine that cannot be made leaves none of the last case", async () => {
  const shadow = ["reset", { machine: { paging: "shadow" }, events: [] }] as const;
  const [, , refused, step] = await conversation(reset, shrink, shadow, shrink);
  expect(refused).toEqual({ code: -32603, message: "no shadow paging yet" });
  expect(step).toMatchObject({ code: -32000 });
});
