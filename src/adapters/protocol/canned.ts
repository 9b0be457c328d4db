import type { Case } from "../../scenario/case.generated.ts";
import { VERSION } from "../../version.ts";
import type { ImplementationDefinition } from "./definition.ts";
import { PROTOCOL_VERSION, type Question } from "./messages.ts";
import { Server } from "./serve.ts";
import { askedSteps, resetFor } from "./unroll.ts";

/** A whole conversation about one case, to learn from: requests and answers, line by line. */
export async function cannedConversation(
  definition: ImplementationDefinition,
  scenario: Case,
): Promise<{ readonly request: string; readonly answer: string }[]> {
  const server = new Server(definition);
  const questions: Question[] = [
    {
      method: "initialize",
      params: { protocol: PROTOCOL_VERSION, runner: { name: "kmc", version: VERSION } },
    },
    resetFor(scenario),
    ...askedSteps(scenario).map(({ step }) => ({ method: "step", params: step }) as const),
    { method: "shutdown", params: {} },
  ];
  const conversation: { request: string; answer: string }[] = [];
  for (const [i, question] of questions.entries()) {
    const request = JSON.stringify({ jsonrpc: "2.0", id: i + 1, ...question });
    conversation.push({ request, answer: await server.answer(request) });
  }
  return conversation;
}
