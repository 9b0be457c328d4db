import { describe, expect, test } from "vitest";
import { GivesUp } from "../../../src/adapters/protocol/failure.ts";
import type { Question, Request } from "../../../src/adapters/protocol/messages.ts";
import { readResponse } from "../../../src/adapters/protocol/response.ts";

const request = (question: Question): Request => ({ jsonrpc: "2.0", id: 7, ...question });

const access = request({ method: "step", params: { do: "access", vcpu: 0, gpa: "0x5000" } });
const reset = request({ method: "reset", params: { machine: {}, events: [] } });
const initialize = request({
  method: "initialize",
  params: { protocol: 1, runner: { name: "kmc", version: "1" } },
});

const answer = (fields: object): string => JSON.stringify({ jsonrpc: "2.0", id: 7, ...fields });

test("a response that fits is its result", () => {
  const result = { outcome: "hit", hva: "0x10005000", value: "0x0" };
  expect(readResponse(answer({ result }), access)).toEqual(result);
  expect(readResponse(`${answer({ result: {} })}\r`, reset)).toEqual({});
});

describe("is a mistake in the protocol:", () => {
  const long = "x".repeat(200);
  test.each<{ line: string; request?: Request; message: string }>([
    { line: "hello", message: "a line that is not JSON: hello" },
    { line: "", message: "a line that is not JSON: " },
    { line: long, message: `a line that is not JSON: ${"x".repeat(79)}…` },
    { line: "null", message: "a line that is no JSON-RPC message: null" },
    { line: "[1]", message: "a line that is no JSON-RPC message: [1]" },
    {
      line: '{"id":7,"result":{}}',
      message: 'a line without "jsonrpc": "2.0": {"id":7,"result":{}}',
    },
    {
      line: '{"jsonrpc":"2.0","method":"log"}',
      message: 'an answer without the id of a request: {"jsonrpc":"2.0","method":"log"}',
    },
    {
      line: '{"jsonrpc":"2.0","id":"7","result":{}}',
      message: 'an answer without the id of a request: {"jsonrpc":"2.0","id":"7","result":{}}',
    },
    { line: answer({ id: 6, result: {} }), message: "a second answer to request 6" },
    {
      line: answer({ id: 8, result: {} }),
      message: "an answer to request 8 before that to request 7",
    },
    {
      line: answer({ id: 8, error: { code: -32000, message: "BUG" } }),
      message: "an answer to request 8 before that to request 7",
    },
    {
      line: answer({}),
      message:
        'the answer to request 7 (step access) has no object as its result: {"jsonrpc":"2.0","id":7}',
    },
    {
      ...{ line: answer({ result: [] }), request: reset },
      message:
        'the answer to request 7 (reset) has no object as its result: {"jsonrpc":"2.0","id":7,"result":[]}',
    },
    {
      line: answer({ result: { outcome: "hit", hva: 5 } }),
      message:
        "in the answer to request 7 (step access), /hva must match exactly one schema in oneOf",
    },
    {
      ...{ line: answer({ result: { done: true } }), request: reset },
      message: 'in the answer to request 7 (reset), must not have the property "done"',
    },
    {
      line: answer({ error: { code: -32601, message: "Method not found" } }),
      message: "request 7 (step access) is answered by error -32601: Method not found",
    },
    {
      line: answer({ id: null, error: { code: -32700, message: "Parse error" } }),
      message: "request 7 (step access) is answered by error -32700: Parse error",
    },
    {
      line: answer({ error: "no" }),
      message: "request 7 (step access) is answered by error undefined: no message",
    },
    {
      ...{ line: answer({ error: { code: -32000, message: "no" } }), request: initialize },
      message: "request 7 (initialize) is answered by error -32000: no",
    },
  ])("$line", ({ line, request: asked = access, message }) => {
    expect(() => readResponse(line, asked)).toThrow(
      expect.objectContaining({ name: "ConversationError", kind: "protocol-error", message }),
    );
  });
});

test.each([access, reset])("error -32000 says that it cannot go on: $method", (asked) => {
  const line = answer({ error: { code: -32000, message: "BUG at mmu.c:42" } });
  expect(() => readResponse(line, asked)).toThrow(new GivesUp("BUG at mmu.c:42"));
});
