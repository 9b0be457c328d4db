import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import type { Implementation } from "../adapters/implementation.ts";
import { killChildren } from "../adapters/protocol/child.ts";
import {
  definedImplementation,
  type ImplementationDefinition,
} from "../adapters/protocol/definition.ts";
import { ConversationError } from "../adapters/protocol/failure.ts";
import {
  type Introduction,
  PROTOCOL_VERSION,
  type Question,
} from "../adapters/protocol/messages.ts";
import { introductionOf } from "../adapters/protocol/serve.ts";
import { Session, type SessionOptions } from "../adapters/protocol/session.ts";
import { mistakeIn } from "../adapters/protocol/validate-message.ts";
import { VERSION } from "../version.ts";
import { killingOnSignals } from "./interrupt.ts";
import { UsageError } from "./usage-error.ts";

/** Options that say what is under test, and how patient to be with it. */
export interface ImplementationFlags {
  readonly impl?: string;
  readonly module?: string;
  readonly jobs?: number;
  readonly stepTimeout?: number;
  readonly caseTimeout?: number;
  /** Not an option of the command line: how long it may take to introduce itself. */
  readonly startTimeout?: number;
  /** Nor this one: what messages call it; by its command if left out. */
  readonly called?: string;
}

export function addImplementationFlags(command: Command): Command {
  return addPatienceFlags(
    command
      .option("--impl <command>", "an implementation that speaks the protocol (docs/protocol.md)")
      .option(
        "--module <file>",
        "an implementation as a module: defineImplementation(…) by default",
      ),
  );
}

export const addPatienceFlags = (command: Command): Command =>
  command
    .option("-j, --jobs <n>", "how many processes of it side by side (default: cores)", jobs)
    .option("--step-timeout <ms>", "how long it may take to answer (default: 5000)", milliseconds)
    .option("--case-timeout <ms>", "how long a case may take (default: 60000)", milliseconds);

const numberUpTo =
  (most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number > 0 && number <= most) return number;
    throw new InvalidArgumentError(`Expected a number from 1 to ${most}.`);
  };

const jobs = numberUpTo(1024);
/** Timers count in 31 bits, and end at once if told more. */
const milliseconds = numberUpTo(2 ** 31 - 1);

/** The implementation under test, ready to be asked. */
export interface UnderTest {
  readonly introduction: Introduction;
  readonly workers: readonly Implementation[];
  /** How often a process of it was started again. */
  readonly restarts: () => number;
  readonly close: () => Promise<void>;
  /** Ends all of its processes at once. */
  readonly kill: () => void;
}

/** Null if the options ask for none. @throws UsageError if it cannot be started. */
export async function startImplementation(
  flags: ImplementationFlags,
  transcript?: SessionOptions["transcript"],
): Promise<UnderTest | null> {
  const { impl, module } = flags;
  if (impl !== undefined && module !== undefined) {
    throw new UsageError("--impl and --module exclude each other");
  }
  if (module !== undefined) {
    if (transcript !== undefined) throw new UsageError("--transcript needs --impl");
    return loadModule(module);
  }
  return impl === undefined ? null : startProcesses(impl, flags, transcript);
}

async function startProcesses(
  command: string,
  {
    jobs = availableParallelism(),
    stepTimeout,
    caseTimeout,
    startTimeout,
    called = `"${command}"`,
  }: ImplementationFlags,
  transcript: SessionOptions["transcript"],
): Promise<UnderTest> {
  const options: SessionOptions = {
    ...(stepTimeout !== undefined && { stepTimeout }),
    ...(caseTimeout !== undefined && { caseTimeout }),
    ...(startTimeout !== undefined && { startTimeout }),
    ...(transcript !== undefined && { transcript }),
  };
  const start = async (): Promise<Session> => {
    try {
      return await Session.start(command, options);
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error;
      const log = error.log.length === 0 ? "" : `; it says: ${error.log.join(" / ")}`;
      throw new UsageError(`${called} does not introduce itself: ${error.message}${log}`);
    }
  };
  const sessions = await killingOnSignals(async () => {
    const first = await start();
    const others = await Promise.allSettled(Array.from({ length: jobs - 1 }, start));
    const refused = others.find(({ status }) => status === "rejected");
    if (refused === undefined) {
      return [first, ...others.flatMap((other) => ("value" in other ? [other.value] : []))];
    }
    // Those that are there would keep this process going.
    killChildren();
    throw (refused as PromiseRejectedResult).reason;
  });
  return {
    introduction: sessions[0]!.introduction,
    workers: sessions,
    restarts: () => sessions.reduce((sum, { restarts }) => sum + restarts, 0),
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
    },
    kill: () => {
      for (const session of sessions) session.kill();
    },
  };
}

/** What an introduction answers. */
const INITIALIZE: Question = {
  method: "initialize",
  params: { protocol: PROTOCOL_VERSION, runner: { name: "kmc", version: VERSION } },
};

/** Codes of Node.js where it does not take TypeScript: nowhere, or not from node_modules. */
const NO_TYPESCRIPT = ["ERR_UNKNOWN_FILE_EXTENSION", "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING"];

function whyNot(file: string, error: unknown): string {
  if (!existsSync(file)) return "ENOENT";
  const { code = "", message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  if (file.endsWith(".ts") && NO_TYPESCRIPT.includes(code)) {
    return "Node.js takes no TypeScript from there; compile it, or use it in a checkout";
  }
  return message.split("\n")[0]!;
}

async function loadModule(file: string): Promise<UnderTest> {
  let loaded: { default?: ImplementationDefinition };
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${whyNot(file, error)}`);
  }
  const definition = loaded.default;
  if (typeof definition?.create !== "function") {
    throw new UsageError(`${file} has no default export made by defineImplementation`);
  }
  const introduction = introductionOf(definition);
  const mistake = mistakeIn(introduction, INITIALIZE);
  if (mistake !== null) throw new UsageError(`${file}, in its default export: ${mistake}`);
  return {
    introduction,
    workers: [definedImplementation(definition)],
    restarts: () => 0,
    close: () => Promise.resolve(),
    kill: () => undefined,
  };
}
