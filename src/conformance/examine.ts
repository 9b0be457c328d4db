import { ConversationError } from "../adapters/protocol/failure.ts";
import type { Request } from "../adapters/protocol/messages.ts";
import { Session, type SessionOptions } from "../adapters/protocol/session.ts";
import type { TranscriptLine } from "../adapters/protocol/transcript.ts";
import { resetFor } from "../adapters/protocol/unroll.ts";
import { mistakeInRequest } from "../adapters/protocol/validate-message.ts";
import { covers, neededCapabilities } from "../scenario/capabilities.ts";
import type { Case } from "../scenario/case.generated.ts";

/** One thing that was looked at in the conversation with an implementation. */
export interface Check {
  readonly what: string;
  readonly state: "ok" | "mistake" | "remark";
  readonly details: readonly string[];
  /** What was said where it went wrong, line by line as it was. */
  readonly exchange?: Exchange;
}

export interface Exchange {
  readonly request: string;
  /** Null if there was none. */
  readonly answer: string | null;
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
  const start = async (pipelined: boolean): Promise<Session | Check> => {
    try {
      return await Session.start(command, { ...listening, pipelined });
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      const how = pipelined ? "introduces itself when it is started again" : "introduces itself";
      return mistake(how, [error.message, ...stderr(error.log)]);
    }
  };
  const first = await start(false);
  if (!(first instanceof Session)) {
    yield first;
    return;
  }
  let session = first;
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
      const again = await start(true);
      if (!(again instanceof Session)) {
        yield again;
        return;
      }
      session = again;
    }
    for (const scenario of tried) {
      leftovers = [];
      const { failure } = await session.record(scenario);
      const ours = said.flatMap((line) =>
        "request" in line ? [mistakeInRequest(line.request) ?? ""] : [],
      );
      const wrong = ours.find((text) => text !== "");
      if (wrong !== undefined) throw new Error(`kmc itself says something wrong: ${wrong}`);
      const found =
        failure?.kind !== undefined
          ? {
              ...mistake(`answers ${scenario.id} (${how})`, [
                `${failure.pointer}: ${failure.message}`,
                ...stderr(failure.log ?? []),
              ]),
              ...lastExchange(said),
            }
          : leftovers.length > 0
            ? mistake(`says nothing between two cases (${how})`, [
                ...leftovers,
                `found as ${scenario.id} begins`,
              ])
            : unaskedEvents(scenario, said, how);
      if (found === null) continue;
      yield found;
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

/** The request that was not answered, or else the last one that was, with its answer. */
function lastExchange(said: readonly TranscriptLine[]): Pick<Check, "exchange"> {
  for (const line of [...said].reverse()) {
    if ("unanswered" in line) return { exchange: exchange(line.unanswered, null) };
    if ("request" in line) return { exchange: exchange(line.request, line.line) };
  }
  return {};
}

const exchange = (request: Request, answer: string | null): Exchange => ({
  request: JSON.stringify(request),
  answer,
});

/** The first answer with an event that nobody asked for. */
function unaskedEvents(scenario: Case, said: readonly TranscriptLine[], how: string): Check | null {
  const asked: readonly string[] = resetFor(scenario).params.events;
  for (const line of said) {
    if (!("request" in line)) continue;
    const { result } = JSON.parse(line.line) as { result?: { events?: { event: string }[] } };
    const unasked = result?.events?.find(({ event }) => !asked.includes(event));
    if (unasked === undefined) continue;
    const wanted = asked.length === 0 ? "none" : asked.join(", ");
    const problem = `it sends ${unasked.event}; the reset asked for ${wanted}`;
    return {
      ...mistake(
        `sends the events of ${scenario.id} that it is asked for, and no others (${how})`,
        [problem],
      ),
      exchange: exchange(line.request, line.line),
    };
  }
  return null;
}

/** Whether any case needs each of the capabilities, or one that is spelt nearly as it is. */
function known(capabilities: readonly string[], cases: readonly Case[]): Check {
  const needs = cases.map(neededCapabilities);
  const needed = [...new Set(needs.flat())];
  const useless = capabilities.filter((name) => !needed.some((each) => covers([name], each)));
  const what = `offers ${capabilities.length} capabilities`;
  const meant = useless.flatMap((name) => {
    const near = needed.find((each) => !covers(capabilities, each) && isMisspelt(name, each));
    if (near === undefined) return [];
    const lost = needs.filter((each) => each.includes(near)).length;
    return [{ name, hint: `there is no ${name}; did you mean ${near}? ${lost} cases need that` }];
  });
  const harmless = useless.filter((name) => !meant.some((each) => each.name === name));
  const rest = harmless.length === 0 ? [] : [`no case needs ${harmless.join(", ")}: harmless`];
  const details = [...meant.map(({ hint }) => hint), ...rest];
  return details.length === 0 ? ok(what) : remark(what, details);
}

/** Whether a few letters are wrong, missing or too many: as many as an eighth of them, or two. */
const isMisspelt = (name: string, meant: string): boolean =>
  distance(name.toLowerCase(), meant.toLowerCase()) <= Math.max(2, meant.length / 8);

/** How many letters to change, add or leave out. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const changed = row[j]! + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(changed, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * Of the cases that it can be assessed by the simplest ones that together need all that it offers,
 * the simplest first.
 */
function smallestCases(cases: readonly Case[], offers: (name: string) => boolean): Case[] {
  const assessable = cases
    .map((scenario) => ({ scenario, needs: neededCapabilities(scenario) }))
    .filter(({ needs }) => needs.every(offers))
    .sort((a, b) => beyondBasics(a.needs) - beyondBasics(b.needs) || sizeOf(a) - sizeOf(b));
  const covered = new Set<string>();
  const chosen: Case[] = [];
  for (const { scenario, needs } of assessable) {
    if (needs.every((name) => covered.has(name)) || chosen.length === MOST_CASES) continue;
    for (const name of needs) covered.add(name);
    chosen.push(scenario);
  }
  return chosen;
}

/** What an implementation begins with. */
const BASICS = ["operation:set_memory_region", "operation:create_vcpu", "operation:access"];

const beyondBasics = (needs: readonly string[]): number =>
  needs.filter((name) => !BASICS.includes(name)).length;

/** Not in steps: one with threads in it is large. */
const sizeOf = ({ scenario }: { readonly scenario: Case }): number =>
  JSON.stringify(scenario.steps).length;
