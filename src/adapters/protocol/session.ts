import { VERSION } from "../../version.ts";
import type { Case } from "../../scenario/case.generated.ts";
import type { Implementation } from "../implementation.ts";
import type { CaseRecord } from "../record.ts";
import { Child } from "./child.ts";
import { CannotAssess, ConversationError, GivesUp } from "./failure.ts";
import {
  type Answer,
  introducedCapability,
  type Introduction,
  PROTOCOL_VERSION,
  type Question,
  type Request,
} from "./messages.ts";
import { readResponse, shown } from "./response.ts";
import type { TranscriptLine } from "./transcript.ts";
import { askedSteps, recordOf, resetFor } from "./unroll.ts";

export interface SessionOptions {
  /** How long one answer may take, or its end, in milliseconds; 5000. Its start may take that, too. */
  readonly stepTimeout?: number;
  /** How long it may take to start and introduce itself, in milliseconds; 30000. */
  readonly startTimeout?: number;
  /** How long all answers of one case may take, in milliseconds; 60000. */
  readonly caseTimeout?: number;
  /** Whether a case is sent as a whole, or each step only after the answer to the one before. */
  readonly pipelined?: boolean;
  /** Told everything that is said in a case, when it is over. */
  readonly transcript?: (lines: readonly TranscriptLine[]) => void;
  /** Told what a case began with instead of an answer: as a rule what the last one left to read. */
  readonly leftover?: (error: ConversationError) => void;
}

/** How long it may take at least to start and introduce itself, in milliseconds. */
const START_TIMEOUT = 30_000;
const RUNNER = { name: "kmc", version: VERSION };

/** An implementation behind the protocol. Its process is started again when a case has cost it. */
export class Session implements Implementation {
  readonly #command: string;
  readonly #options: Required<Pick<SessionOptions, "stepTimeout" | "caseTimeout" | "pipelined">> &
    SessionOptions;
  #child: Child;
  #id = 0;
  #isOver = false;
  #introduction!: Introduction;
  /** How often its process was started again. */
  restarts = 0;

  /** @throws ConversationError if it does not introduce itself. */
  static async start(command: string, options: SessionOptions = {}): Promise<Session> {
    const session = new Session(command, options);
    try {
      await session.#introduce();
    } catch (error) {
      await session.#child.destroy();
      if (!(error instanceof ConversationError)) throw error;
      throw new ConversationError(error.kind, error.message, session.log);
    }
    return session;
  }

  private constructor(command: string, options: SessionOptions) {
    this.#command = command;
    this.#options = { stepTimeout: 5000, caseTimeout: 60_000, pipelined: true, ...options };
    this.#child = new Child(command);
  }

  get name(): string {
    return this.#introduction.name;
  }

  get introduction(): Introduction {
    return this.#introduction;
  }

  /** The last lines of its stderr. */
  get log(): string[] {
    return this.#child.log;
  }

  offers(capability: string): boolean {
    return introducedCapability(this.#introduction, capability);
  }

  async record(scenario: Case): Promise<CaseRecord> {
    const lines: TranscriptLine[] = [{ case: scenario.id }];
    const record = await this.#converse(scenario, lines, true);
    this.#options.transcript?.(lines);
    return record;
  }

  /** Ends the conversation. @returns how the process ended: `it exited with status 0`. */
  async close(): Promise<string> {
    if (this.#child.isAlive) this.#send({ method: "shutdown", params: {} });
    return this.#child.end(this.#options.stepTimeout);
  }

  /** Ends it at once. */
  kill(): void {
    this.#isOver = true;
    this.#child.kill();
  }

  /**
   * @param again whether to try once more if the process fails before it begins the case: it may
   * have ended after the last one, or something of that may be left to read.
   */
  async #converse(scenario: Case, lines: TranscriptLine[], again: boolean): Promise<CaseRecord> {
    const asked = askedSteps(scenario);
    const facts = this.#introduction.facts ?? {};
    const answers: Answer[] = [];
    let reset = false;
    let deadline = Infinity;
    let unanswered: Request | undefined;
    try {
      if (!this.#child.isAlive) await this.#restart();
      deadline = Date.now() + this.#options.caseTimeout;
      this.#child.beginCase();
      const requests = [resetFor(scenario), ...asked.map(({ step }) => stepQuestion(step))].map(
        (question) => this.#request(question),
      );
      const { pipelined } = this.#options;
      if (pipelined) this.#child.send(requests.map(lineOf).join(""));
      for (const request of requests) {
        unanswered = request;
        if (!pipelined) this.#child.send(lineOf(request));
        const line = await this.#nextLine(deadline);
        unanswered = undefined;
        lines.push({ request, line });
        const result = readResponse(line, request);
        if (reset) answers.push(result);
        reset = true;
      }
      if (this.#child.unread > 0) throw unasked(await this.#nextLine(deadline));
      return recordOf(scenario, { answers, facts });
    } catch (error) {
      const pointer = asked[answers.length]?.pointer ?? "";
      if (error instanceof GivesUp || error instanceof CannotAssess) {
        const failure =
          error instanceof GivesUp
            ? { pointer, message: `it gives up: ${error.message}` }
            : { pointer, message: error.message, kind: "not-assessed" as const };
        lines.push({ failure });
        if (this.#options.pipelined)
          await this.#skipRest(asked.length - answers.length - (reset ? 1 : 0), deadline);
        return recordOf(scenario, { answers, facts, failure });
      }
      if (!(error instanceof ConversationError)) throw error;
      const { kind, message } = error;
      await this.#child.destroy();
      const { log } = this;
      if (kind !== "timed-out" && !reset && again && !this.#isOver) {
        lines.length = 1;
        if (kind === "protocol-error") this.#options.leftover?.(error);
        return this.#converse(scenario, lines, false);
      }
      const failure = { pointer, message, kind, log };
      lines.push({ failure, ...(unanswered !== undefined && { unanswered }) });
      return recordOf(scenario, { answers, facts, failure });
    }
  }

  /** The answers to what was already asked when it gave up are of no interest. */
  async #skipRest(count: number, deadline: number): Promise<void> {
    try {
      for (let i = 0; i < count; i++) await this.#nextLine(deadline);
    } catch {
      await this.#child.destroy();
    }
  }

  async #nextLine(deadline: number): Promise<string> {
    const left = deadline - Date.now();
    if (left <= 0) {
      const { caseTimeout } = this.#options;
      throw new ConversationError("timed-out", `the case is not over within ${caseTimeout} ms`);
    }
    return this.#child.nextLine(Math.min(left, this.#options.stepTimeout));
  }

  async #restart(): Promise<void> {
    this.restarts++;
    this.#child = new Child(this.#command);
    await this.#introduce();
  }

  async #introduce(): Promise<void> {
    const params = { protocol: PROTOCOL_VERSION, runner: RUNNER };
    const request = this.#send({ method: "initialize", params });
    const { stepTimeout, startTimeout = START_TIMEOUT } = this.#options;
    const line = await this.#child.nextLine(Math.max(stepTimeout, startTimeout));
    const result: unknown = readResponse(line, request);
    this.#introduction = result as Introduction;
  }

  #request(question: Question): Request {
    return { jsonrpc: "2.0", id: ++this.#id, ...question };
  }

  #send(question: Question): Request {
    const request = this.#request(question);
    this.#child.send(lineOf(request));
    return request;
  }
}

const lineOf = (request: Request): string => `${JSON.stringify(request)}\n`;

const unasked = (line: string): ConversationError =>
  new ConversationError("protocol-error", `it says more than it was asked: ${shown(line)}`);

const stepQuestion = (params: Extract<Question, { method: "step" }>["params"]): Question => ({
  method: "step",
  params,
});
