import { ConversationError } from "../adapters/protocol/failure.ts";
import { Session, type SessionOptions } from "../adapters/protocol/session.ts";
import type { TranscriptLine } from "../adapters/protocol/transcript.ts";
import { mistakeInRequest } from "../adapters/protocol/validate-message.ts";
import { covers, neededCapabilities } from "../scenario/capabilities.ts";
import type { Case } from "../scenario/case.generated.ts";

/** One thing that was looked at in the conversation with an implementation. */
export interface Check {
  readonly what: string;
  readonly state: "ok" | "mistake" | "remark";
  readonly details: readonly string[];
}

/** Cases with which a conversation is tried; more would say nothing new. */
const MOST_CASES = 60;

/**
 * Holds the conversation of the protocol step by step and then pipelined, and checks what both
 * sides say against the schema. What the kernel does is not judged.
 */
export async function* examine(
  command: string,
  cases: readonly Case[],
  options: SessionOptions = {},
): AsyncGenerator<Check> {
  let said: readonly TranscriptLine[] = [];
  let leftovers: string[] = [];
  const listening: SessionOptions = {
    ...options,
    transcript: (lines) => (said = lines),
    leftover: ({ message }) => leftovers.push(message),
  };
  let session: Session;
  try {
    session = await Session.start(command, { ...listening, pipelined: false });
  } catch (error) {
    if (!(error instanceof ConversationError)) throw error;
    yield mistake("introduces itself", [error.message, ...stderr(error.log)]);
    return;
  }
  const { name, version, capabilities } = session.introduction;
  yield ok(`introduces itself as ${name} ${version}`);
  yield known(capabilities, cases);

  const tried = smallestCases(cases, (name) => session.offers(name));
  if (tried.length === 0) {
    yield remark("no case can be tried", ["it offers too little for any case: see Capabilities"]);
  }
  for (const pipelined of [false, true]) {
    const how = pipelined ? "pipelined" : "step by step";
    if (pipelined) {
      await session.close();
      session = await Session.start(command, listening);
    }
    for (const scenario of tried) {
      leftovers = [];
      const { failure } = await session.record(scenario);
      const ours = said.flatMap((line) =>
        "request" in line ? [mistakeInRequest(line.request) ?? ""] : [],
      );
      const wrong = ours.find((text) => text !== "");
      if (wrong !== undefined) throw new Error(`kmc itself says something wrong: ${wrong}`);
      if (failure?.kind === undefined && leftovers.length === 0) continue;
      yield failure?.kind === undefined
        ? mistake(`says nothing between two cases (${how})`, [
            ...leftovers,
            `found as ${scenario.id} begins`,
          ])
        : mistake(`answers ${scenario.id} (${how})`, [
            `${failure.pointer}: ${failure.message}`,
            ...lastExchange(said),
            ...stderr(failure.log ?? []),
          ]);
      session.kill();
      return;
    }
    yield ok(`answers ${tried.length} small cases as the schema says (${how})`);
  }
  const end = await session.close();
  yield end === "it exited with status 0"
    ? ok("ends after shutdown with status 0")
    : mistake("ends after shutdown with status 0", [end]);
}

const ok = (what: string): Check => ({ what, state: "ok", details: [] });
const mistake = (what: string, details: readonly string[]): Check => ({
  what,
  state: "mistake",
  details,
});
const remark = (what: string, details: readonly string[]): Check => ({
  what,
  state: "remark",
  details,
});

const stderr = (log: readonly string[]): string[] => log.map((line) => `stderr: ${line}`);

/** The request that was answered last, and the answer. */
function lastExchange(said: readonly TranscriptLine[]): string[] {
  const last = said.findLast((line) => "request" in line);
  return last === undefined ? [] : [`→ ${JSON.stringify(last.request)}`, `← ${last.line}`];
}

/** Whether any case needs each of the capabilities. */
function known(capabilities: readonly string[], cases: readonly Case[]): Check {
  const needed = new Set(cases.flatMap(neededCapabilities));
  const useless = capabilities.filter((name) => ![...needed].some((each) => covers([name], each)));
  const what = `offers ${capabilities.length} capabilities`;
  if (useless.length === 0) return ok(what);
  return remark(what, [`no case needs ${useless.join(", ")}: harmless, unless misspelt`]);
}

/** Of the cases that it can be assessed by the smallest ones that need all that it offers. */
function smallestCases(cases: readonly Case[], offers: (name: string) => boolean): Case[] {
  const assessable = cases
    .map((scenario) => ({ scenario, needs: neededCapabilities(scenario) }))
    .filter(({ needs }) => needs.every(offers))
    .sort((a, b) => a.scenario.steps.length - b.scenario.steps.length);
  const covered = new Set<string>();
  const chosen: Case[] = [];
  for (const { scenario, needs } of assessable) {
    if (needs.every((name) => covered.has(name)) || chosen.length === MOST_CASES) continue;
    for (const name of needs) covered.add(name);
    chosen.push(scenario);
  }
  return chosen;
}
