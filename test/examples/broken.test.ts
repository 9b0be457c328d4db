import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  definedImplementation,
  type ImplementationDefinition,
} from "../../src/adapters/protocol/definition.ts";
import type { ConversationError } from "../../src/adapters/protocol/failure.ts";
import { Session, type SessionOptions } from "../../src/adapters/protocol/session.ts";
import { claimLayer, mustHold } from "../../src/conformance/claim.ts";
import { runCase, type Verdict } from "../../src/conformance/run-cases.ts";
import { runAll } from "../../src/conformance/run-suites.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { aCase } from "../support/a-case.ts";
import { EXAMPLES, expectGone } from "../support/implementation.ts";

const cases = loadCases();
const CASE = cases.find(({ id }) => id === "p03.kept.second-access-from-the-cache")!;
/** A case that does not go where they are broken. */
const OTHER = aCase();

const README = readFileSync(join(EXAMPLES, "README.md"), "utf8");

/** The rows of a table in the README that speak of a file: its other cells. */
function toldOf(file: string): string[] {
  const row = README.split("\n").find((text) => text.startsWith(`| [${file}]`));
  const cells = (row ?? "").split("|").map((cell) => cell.trim());
  return cells.slice(2, -1);
}

/** Starts an example, which is the process that runs the command; it says its id on stderr. */
async function start(file: string, options?: SessionOptions) {
  const session = await Session.start(`echo $$ >&2; exec node "${join(EXAMPLES, file)}"`, options);
  onTestFinished(async () => {
    await session.close();
  });
  return { session, pid: await pidOf(session) };
}

async function pidOf(session: Session): Promise<number> {
  await expect.poll(() => session.log[0], { timeout: 20_000 }).toMatch(/^\d+$/);
  return Number(session.log[0]);
}

interface Expected {
  readonly file: string;
  readonly verdict: Verdict;
  /** What is seen in the place of "the run goes on", at the first access. */
  readonly seen?: string;
  /** Whether the process is lost with the case. */
  readonly lost: boolean;
  /** What it said on stderr, if more than its process id. */
  readonly log?: readonly string[];
  readonly options?: SessionOptions;
}

const PID = expect.stringMatching(/^\d+$/) as string;
const TRACES = expect.arrayContaining(["kvm: trace: nothing happens"]) as string[];
/** How long it may take to answer where it does not, in milliseconds. */
const SHORT = 300;

const EXPECTED: readonly Expected[] = [
  { file: "speak.mjs", verdict: "conforms", lost: false },
  {
    ...{ file: "hangs.mjs", verdict: "timed-out", lost: true },
    ...{ seen: `no answer within ${SHORT} ms`, options: { stepTimeout: SHORT } },
  },
  {
    ...{ file: "exits.mjs", verdict: "crashed", lost: true },
    seen: "it exited with status 101",
    log: [PID, "panic: index out of bounds", "  in handle_access"],
  },
  {
    ...{ file: "is-killed.mjs", verdict: "crashed", lost: true },
    seen: "it was killed by SIGKILL",
  },
  {
    ...{ file: "writes-text.mjs", verdict: "protocol-error", lost: true },
    seen: "a line that is not JSON: handling 0x700000",
  },
  {
    ...{ file: "unknown-id.mjs", verdict: "protocol-error", lost: true },
    seen: "an answer to request 1000000 before that to request 5",
  },
  {
    ...{ file: "out-of-order.mjs", verdict: "protocol-error", lost: true },
    seen: "an answer to request 6 before that to request 5",
  },
  {
    ...{ file: "wrong-type.mjs", verdict: "protocol-error", lost: true },
    seen: "in the answer to request 5 (step access), /gpa must be string",
  },
  {
    ...{ file: "endless-line.mjs", verdict: "protocol-error", lost: true },
    seen: "a line longer than 16 MiB",
  },
  {
    ...{ file: "floods-stderr.mjs", verdict: "protocol-error", lost: true },
    ...{ seen: "more than 16 MiB on stderr", log: TRACES },
  },
  {
    ...{ file: "floods-stdout.mjs", verdict: "protocol-error", lost: true },
    seen: `an answer without the id of a request: {"jsonrpc":"2.0","method":"log","params":{"message":"nothing happens"}}`,
  },
  {
    ...{ file: "refuses.mjs", verdict: "protocol-error", lost: true },
    seen: "request 5 (step access) is answered by error -32601: Method not found",
  },
  {
    ...{ file: "gives-up.mjs", verdict: "fails", lost: false },
    seen: "it gives up: BUG at mmu.c:42",
  },
  { file: "one-case-only.mjs", verdict: "conforms", lost: true },
];

describe.each(EXPECTED)("$file", ({ file, verdict, seen, lost, log, options }) => {
  test(`${verdict}${seen === undefined ? "" : `: ${seen}`}`, async () => {
    const { session, pid } = await start(file, options);
    const violations =
      seen === undefined ? [] : [{ pointer: "/steps/2", expected: "the run goes on", seen }];
    const isOut = seen !== undefined && verdict !== "fails";
    expect(await runCase(CASE, session)).toMatchObject({
      ...{ verdict, violations },
      log: isOut ? (log ?? [String(pid)]) : [],
    });
    if (isOut) await expectGone(pid);

    // The run goes on, if need be with a new process.
    expect(await runCase(OTHER, session)).toMatchObject({ verdict: "conforms" });
    expect(session.restarts).toBe(lost ? 1 : 0);
    const next = await pidOf(session);
    expect(next === pid).toBe(!lost);
    await session.close();
    for (const each of [pid, next]) await expectGone(each);
  });

  test("is in the README as it is", () => {
    const told = seen?.replace(String(SHORT), "5000");
    expect(toldOf(file)).toEqual([
      expect.stringMatching(/\w/),
      verdict,
      told === undefined ? "" : `\`${told}\``,
    ]);
  });
});

test("a line of 1 GB does not fill the memory", async () => {
  const { session } = await start("endless-line.mjs");
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  const { verdict } = await runCase(CASE, session);
  clearInterval(timer);
  expect(verdict).toBe("protocol-error");
  expect(most - before).toBeLessThan(256 * 2 ** 20);
});

test("does not introduce itself: no-introduction.mjs", async () => {
  const seen = "in the answer to request 1 (initialize), must have required property 'protocol'";
  const started = start("no-introduction.mjs");
  const error = await started.catch((reason: unknown) => reason as ConversationError);
  expect(error).toMatchObject({ kind: "protocol-error", message: seen });
  await expectGone(Number((error as ConversationError).log[0]));
  expect(toldOf("no-introduction.mjs").slice(1)).toEqual(["cannot be started", `\`${seen}\``]);
});

/** What is wrong with the kernel, not with the conversation: the cases that notice first. */
const WRONG = [
  {
    file: "hook-after-store.ts",
    id: "p01.hook.entry-made-in-the-window-is-old",
    violation: { expected: "via fault", seen: "outcome mmio, via spte, gpa 0x700000" },
  },
  {
    file: "zaps-everything.ts",
    id: "p11.other-slot.is-not-touched",
    violation: {
      expected: "outcome hit",
      seen: "outcome mapped, hva 0x10008000, value 0x77",
    },
  },
  {
    file: "caches-in-flux.ts",
    id: "p03.in-flux.not-answered-by-the-cache",
    violation: { expected: "via fault", seen: "outcome mmio, via cache, gpa 0x700000" },
  },
] as const;

describe.each(WRONG)("$file", ({ file, id, violation }) => {
  const load = async () => {
    const loaded = (await import(join(EXAMPLES, file))) as { default: ImplementationDefinition };
    return definedImplementation(loaded.default);
  };

  test(`fails ${id}`, async () => {
    const scenario = cases.find((each) => each.id === id)!;
    const { verdict, violations } = await runCase(scenario, await load());
    expect(verdict).toBe("fails");
    expect(violations[0]).toMatchObject(violation);
  });

  test("fails cases of the suites that the README says, and of no others", async () => {
    const claim = claimLayer(27);
    const wanted = cases.filter((each) => each.erratum === undefined && mustHold(each, claim));
    const results = await runAll([await load()], wanted);
    const bad = results.filter(({ verdict }) => verdict !== "conforms");
    expect(new Set(bad.map(({ verdict }) => verdict))).toEqual(new Set(["fails"]));
    const suites = [...new Set(bad.map(({ scenario }) => scenario.patch))];
    expect(toldOf(file).slice(1)).toEqual([
      suites.map((patch) => String(patch).padStart(2, "0")).join(", "),
      `\`${id}\``,
    ]);
  });
});

test("every example is here", () => {
  const files = readdirSync(EXAMPLES).filter((name) => name !== "README.md");
  const known = [...EXPECTED, ...WRONG].map(({ file }) => file);
  expect(files.sort()).toEqual([...known, "no-introduction.mjs"].sort());
});
