import type { ErratumId } from "../../reference/patch.ts";
import type { Case } from "../../scenario/case.generated.ts";
import type { Implementation } from "../implementation.ts";
import type { CaseRecord, RunFailure } from "../record.ts";
import { CannotAssess, ConversationError, GivesUp } from "./failure.ts";
import { type Answer, introducedCapability, type Introduction, type Request } from "./messages.ts";
import { readResponse } from "./response.ts";
import { askedSteps, recordOf } from "./unroll.ts";

/**
 * A line of a transcript, which is newline-delimited JSON: who was asked for what; then case by
 * case what was said, each request with its answer as it was, and how a case ended that did not end
 * by itself; and how the run ended.
 */
export type TranscriptLine =
  | { readonly transcript: 1; readonly introduction: Introduction; readonly asked: Asked }
  | { readonly case: string }
  | { readonly request: Request; readonly line: string }
  | {
      readonly failure: RunFailure;
      /** The request that got no answer. */ readonly unanswered?: Request;
    }
  | { readonly end: RunEnd };

/** How a run ended. */
interface RunEnd {
  /** How often a process was started again. */
  readonly restarts: number;
  /** Ids of the cases that were not run because somebody stopped it. */
  readonly notRun: readonly string[];
}

/** What a run was asked for. */
export interface Asked {
  readonly patches: readonly number[];
  readonly slips: readonly ErratumId[];
  readonly remedies: readonly ErratumId[];
  /** Ids. */
  readonly cases: readonly string[];
  /** Those of them that are not the suite's, but of whoever asked. */
  readonly own?: readonly Case[];
  readonly findErrata: boolean;
  readonly chosen: boolean;
}

export interface Transcript {
  readonly introduction: Introduction;
  readonly asked: Asked;
  readonly said: ReadonlyMap<string, Said>;
  readonly end: RunEnd;
}

/** What was said in one case. */
interface Said {
  readonly exchanges: { readonly request: Request; readonly line: string }[];
  failure?: RunFailure;
}

/** A transcript that cannot be read. One sentence. */
export class TranscriptError extends Error {
  override readonly name = "TranscriptError";
}

/** @throws TranscriptError naming the file and the line. */
export function parseTranscript(text: string, file: string): Transcript {
  const fail = (line: number, problem: string): never => {
    throw new TranscriptError(`${file}, line ${line}: ${problem}`);
  };
  let head: { readonly introduction: Introduction; readonly asked: Asked } | null = null;
  let end: RunEnd = { restarts: 0, notRun: [] };
  const said = new Map<string, Said>();
  let current: Said | null = null;
  for (const [i, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const entry = parsed(line) ?? fail(i + 1, "expected a JSON object");
    if ("transcript" in entry) head = entry;
    else if (head === null) fail(i + 1, 'expected {"transcript": 1, …} first');
    else if ("case" in entry) said.set(entry.case, (current = { exchanges: [] }));
    else if ("end" in entry) end = entry.end;
    else if (current === null) fail(i + 1, 'expected {"case": …} before what was said in it');
    else if ("failure" in entry) current.failure = entry.failure;
    else if ("request" in entry) current.exchanges.push(entry);
    else fail(i + 1, "expected a case, a request with its line, a failure or the end");
  }
  if (head === null) return fail(1, 'expected {"transcript": 1, …}');
  return { introduction: head.introduction, asked: head.asked, said, end };
}

function parsed(line: string): TranscriptLine | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && !Array.isArray(value) ? (value as TranscriptLine) : null;
  } catch {
    return null;
  }
}

/** The implementation of a transcript, which says again what it said then, in those cases. */
export function transcribedImplementation({ introduction, said }: Transcript): Implementation {
  return {
    name: introduction.name,
    offers: (capability) => introducedCapability(introduction, capability),
    record: (scenario) => transcribedRecord(scenario, introduction, said.get(scenario.id)!),
  };
}

const isAnswer = (error: unknown): error is Error =>
  [ConversationError, GivesUp, CannotAssess].some((kind) => error instanceof kind);

function transcribedRecord(scenario: Case, introduction: Introduction, said: Said): CaseRecord {
  const { facts = {} } = introduction;
  const answers: Answer[] = [];
  const { failure } = said;
  try {
    for (const { request, line } of said.exchanges) {
      const result = readResponse(line, request);
      if (request.method === "step") answers.push(result);
    }
  } catch (error) {
    if (!isAnswer(error)) throw error;
    if (failure === undefined) {
      const pointer = askedSteps(scenario)[answers.length]?.pointer ?? "";
      return recordOf(scenario, { answers, facts, failure: { pointer, message: error.message } });
    }
  }
  return recordOf(scenario, { answers, facts, ...(failure !== undefined && { failure }) });
}
