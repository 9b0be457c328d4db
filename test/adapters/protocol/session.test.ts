import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Session, type SessionOptions } from "../../../src/adapters/protocol/session.ts";
import type { TranscriptLine } from "../../../src/adapters/protocol/transcript.ts";
import { runCase } from "../../../src/conformance/run-cases.ts";
import type { Case, Step } from "../../../src/scenario/case.generated.ts";
import { aCase } from "../../support/a-case.ts";
import { expectGone, implementation } from "../../support/implementation.ts";

const sessions: Session[] = [];

/** Starts an implementation that is right but for what is said here. */
async function start(code: string, options?: SessionOptions): Promise<Session> {
  const session = await Session.start(implementation(code), options);
  sessions.push(session);
  return session;
}

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});

const RIGHT = "speak();";

const mmio = (via: "fault" | "cache"): Step => ({
  ...{ do: "access", vcpu: 0, gpa: "0x700000" },
  expect: { outcome: "mmio", via },
});

/** Three steps, which must find everything new. */
const scenario: Case = aCase({ steps: [{ do: "create_vcpu" }, mmio("fault"), mmio("cache")] });

const verdict = async (session: Session, which = scenario) =>
  (await runCase(which, session)).verdict;

const failure = async (session: Session) => (await session.record(scenario)).failure;

/** With the pid of its process as the version. */
const WITH_PID = `
  const introduced = (request, response) => {
    if (request.method === "initialize") response.result.version = String(process.pid);
    return line(response);
  };`;

const pidOf = ({ introduction }: Session): number => Number(introduction.version);

describe("an implementation", () => {
  test("introduces itself, once", async () => {
    const session = await start(`
      let times = 0;
      speak((request, response) => {
        if (request.method === "initialize") {
          const { protocol, runner } = request.params;
          response.result.name = [++times, protocol, runner.name].join(" ");
          response.result.facts = { mmio_generation_width: 64 };
          response.result.capabilities = ["operation:access", "fact:*"];
        }
        return line(response);
      });`);
    expect(session.name).toBe("1 1 kmc");
    expect(session.introduction).toMatchObject({ protocol: 1, version: "1" });
    expect(session.offers("operation:access")).toBe(true);
    expect(session.offers("operation:shrink")).toBe(false);
    const { steps } = await session.record(aCase({ steps: [{ do: "facts" }] }));
    expect(steps).toEqual([{ result: { mmio_generation_width: 64 }, events: [] }]);
  });

  test("is asked case by case, and begins each one anew", async () => {
    const session = await start(WITH_PID + "speak(introduced);");
    const pid = pidOf(session);
    for (let i = 0; i < 3; i++) expect(await verdict(session)).toBe("conforms");
    expect(session.restarts).toBe(0);
    expect(pidOf(session)).toBe(pid);
  });

  test("is sent a whole case at once", async () => {
    const session = await start(`
      let waiting = "";
      let lines = 0;
      speak((request, response) => {
        if (request.method === "initialize") return line(response);
        waiting += line(response);
        return ++lines === 4 ? waiting : "";
      });`);
    expect(await verdict(session)).toBe("conforms");
  });

  test("is told when it is over, and may tidy up for more than a second", async () => {
    const session = await start(`${WITH_PID}
      speak((request, response) => {
        if (request.method === "shutdown") {
          process.stdin.on("end", () => setTimeout(() => write("tidied up\\n", 2), 1500));
        }
        return introduced(request, response);
      });`);
    expect(await session.close()).toBe("it exited with status 0");
    expect(session.log).toEqual(["tidied up"]);
    await expectGone(pidOf(session));
  });

  test("is ended if it does not end by itself, or at once", async () => {
    const deaf = await start(`${WITH_PID} setInterval(() => {}, 1000); speak(introduced);`, {
      stepTimeout: 300,
    });
    await deaf.close();
    await expectGone(pidOf(deaf));
    const other = await start(`${WITH_PID} speak(introduced);`);
    other.kill();
    await expectGone(pidOf(other));
  });
});

describe("one that does not introduce itself cannot be used:", () => {
  const at = "in the answer to request 1 (initialize), ";
  const introducing = (changes: string): string => `
    speak((request, response) => line({ ...response, result: { ...response.result, ${changes} } }));`;
  test.each([
    { code: "process.exit(2);", kind: "crashed", message: "it exited with status 2" },
    { code: introducing("protocol: 2"), message: `${at}/protocol must be equal to constant` },
    {
      code: introducing("facts: { colour: 7 }"),
      message: `${at}/facts must not have the property "colour"`,
    },
    {
      code: introducing('capabilities: ["access"]'),
      message: `${at}/capabilities/0 must match pattern "^[a-z]+:[A-Za-z0-9_.=-]*\\*?$"`,
    },
    {
      code: `speak(({ id }) => line({ jsonrpc: "2.0", id, error: { code: -32000, message: "no" } }));`,
      message: "request 1 (initialize) is answered by error -32000: no",
    },
  ])("$message", async ({ code, kind = "protocol-error", message }) => {
    await expect(start(`write("hello\\n", 2); ${code}`)).rejects.toMatchObject({
      ...{ name: "ConversationError", kind, message },
      log: ["hello"],
    });
  });

  test("it says nothing for 30 seconds, however short an answer may take", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const started = Session.start("exec sleep 60", { stepTimeout: 100 });
    const refused = expect(started).rejects.toMatchObject({
      ...{ kind: "timed-out", message: "no answer within 30000 ms" },
    });
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
  });
});

describe("a case is lost, and the next one is not, when", () => {
  test("it leaves the conversation: its process is started again", async () => {
    const session = await start(`${WITH_PID}
      speak((request, response) => {
        if (isAccess(request)) write("panic\\n", 2), process.exit(3);
        return introduced(request, response);
      });`);
    const pid = pidOf(session);
    expect(await failure(session)).toEqual({
      ...{ pointer: "/steps/1", kind: "crashed", message: "it exited with status 3" },
      log: ["panic"],
    });
    expect(await verdict(session, aCase())).toBe("conforms");
    expect(session.restarts).toBe(1);
    expect(pidOf(session)).not.toBe(pid);
  });

  test("it fails at once, each time", async () => {
    const session = await start(`
      speak((request, response) => {
        if (request.method === "reset") process.exit(3);
        return line(response);
      });`);
    expect(await failure(session)).toMatchObject({ pointer: "/steps/0", kind: "crashed" });
    // It had a second try.
    expect(session.restarts).toBe(1);
  });

  test("its stderr comes before the mistake", async () => {
    const session = await start(`
      let confused = false;
      speak((request, response) => {
        if (!isAccess(request) || confused) return line(response);
        confused = true;
        write("confused\\n", 2);
        return "what?\\n";
      });`);
    expect(await failure(session)).toMatchObject({
      ...{ kind: "protocol-error", log: ["confused"] },
    });
  });

  test("it takes too long, all in all", async () => {
    const session = await start(
      `speak((request, response) => {
        if (isAccess(request)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
        return line(response);
      });`,
      { caseTimeout: 2000 },
    );
    expect(await failure(session)).toMatchObject({
      ...{ pointer: "/steps/2", kind: "timed-out" },
      message: expect.stringMatching(
        /^(the case is not over within 2000|no answer within [1-9]\d{0,2}) ms$/,
      ) as string,
    });
  });
});

describe("what is left of one case does not cost the next:", () => {
  test("its end between two cases", async () => {
    const session = await start(`
      let answers = 0;
      speak((request, response) => {
        // After the introduction and four answers.
        if (++answers === 5) setTimeout(() => process.exit(), 50);
        return line(response);
      });`);
    expect(await verdict(session)).toBe("conforms");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await verdict(session)).toBe("conforms");
    expect(session.restarts).toBe(1);
  });

  test("a line too much", async () => {
    const session = await start(`
      let answers = 0;
      speak((request, response) => {
        if (++answers === 5) setTimeout(() => write(line(response)), 50);
        return line(response);
      });`);
    expect(await verdict(session)).toBe("conforms");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await verdict(session)).toBe("conforms");
    expect(session.restarts).toBe(1);
  });

  test("not even if it is there in time: then the case is lost that it belongs to", async () => {
    const session = await start(`
      let answers = 0;
      speak((request, response) => (++answers === 5 ? line(response).repeat(2) : line(response)));`);
    const { kind, message } = (await failure(session))!;
    expect(kind).toBe("protocol-error");
    expect(message).toMatch(/^it says more than it was asked: \{"jsonrpc":"2.0","id":/);
    expect(await verdict(session, aCase())).toBe("conforms");
  });
});

describe("one that gives up", () => {
  const refusing = (which: string): string => `
    speak((request, { result, ...response }) => {
      if (!(${which})) return line({ ...response, result });
      return line({ ...response, error: { code: -32000, message: "BUG" } });
    });`;

  test("fails the case where it is, and goes on with the next", async () => {
    const session = await start(refusing("isAccess(request)"));
    const record = await session.record(scenario);
    expect(record.failure).toEqual({ pointer: "/steps/1", message: "it gives up: BUG" });
    expect(record.steps).toHaveLength(1);
    expect(await verdict(session)).toBe("fails");
    expect(await verdict(session, aCase())).toBe("conforms");
    expect(session.restarts).toBe(0);
  });

  test("has no verdict about the kernel if it is itself that lacks something", async () => {
    const session = await start(refusing("isAccess(request)").replace("-32000", "-32001"));
    const failure = { pointer: "/steps/1", message: "BUG", kind: "not-assessed" };
    expect((await session.record(scenario)).failure).toEqual(failure);
    expect(await verdict(session)).toBe("not-assessed");
    expect(await verdict(session, aCase())).toBe("conforms");
    expect(session.restarts).toBe(0);
  });

  test("may do so for the whole case", async () => {
    const session = await start(refusing('request.method === "reset"'));
    expect(await failure(session)).toEqual({ pointer: "/steps/0", message: "it gives up: BUG" });
    expect(await verdict(session)).toBe("fails");
    expect(session.restarts).toBe(0);
  });

  test("must answer the rest, else it is started again", async () => {
    const code = refusing("isAccess(request)").replace("return line({ ...response, error", "$&");
    const silent = code.replace("error: {", "error: given ? process.exit() : (given = true) && {");
    const session = await start(`let given = false; ${silent}`);
    expect(await verdict(session)).toBe("fails");
    expect(await verdict(session, aCase())).toBe("conforms");
    expect(session.restarts).toBe(1);
  });
});

test("what is said is written down, case by case", async () => {
  const written: TranscriptLine[] = [];
  const session = await start(
    `speak((request, response) => (isAccess(request) ? "what?\\n" : line(response)));`,
    { transcript: (lines) => written.push(...lines) },
  );
  await session.record(aCase());
  await session.record(scenario);
  const said = (method: string, line: unknown): unknown => ({
    ...{ request: expect.objectContaining({ jsonrpc: "2.0", method }) as object, line },
  });
  const ok = expect.stringMatching(/^\{"jsonrpc":"2.0","id":\d+,"result":\{.*\}\}$/) as string;
  expect(written).toEqual([
    ...[{ case: "p11.small.case" }, said("reset", ok), said("step", ok)],
    ...[{ case: "p11.small.case" }, said("reset", ok), said("step", ok), said("step", "what?")],
    { failure: expect.objectContaining({ kind: "protocol-error" }) as object },
  ]);
});

test("a right one is right", async () => {
  expect(await verdict(await start(RIGHT))).toBe("conforms");
});
