import { afterEach, describe, expect, test } from "vitest";
import { Child, killChildren, MAX_LINE, MAX_LOG } from "../../../src/adapters/protocol/child.ts";
import { expectGone } from "../../support/implementation.ts";

/** So long that it only runs out when something is wrong. */
const PATIENCE = 30_000;

const children: Child[] = [];

function start(command: string): Child {
  const child = new Child(command);
  children.push(child);
  return child;
}

const next = (child: Child): Promise<string> => child.nextLine(PATIENCE);
const nextPid = async (child: Child): Promise<number> => Number(await next(child));

/** Some bytes, quickly: that many in kilobytes. */
const kilobytes = (count: number): string =>
  `dd if=/dev/zero bs=1024 count=${count} 2>/dev/null | tr '\\0' x`;

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.destroy()));
});

describe("lines", () => {
  test("go in and come out, one by one", async () => {
    const child = start("cat");
    child.send("one\ntwo\n");
    expect(await next(child)).toBe("one");
    child.send("three\n");
    expect([await next(child), await next(child)]).toEqual(["two", "three"]);
    expect(child.unread).toBe(0);
  });

  test("may come in pieces, even of a character", async () => {
    const child = start("printf 'caf\\303'; sleep 0.1; printf '\\251'; sleep 0.1; echo; cat");
    expect(await next(child)).toBe("café");
  });

  test("that came before its end are read; one that is not ended is none", async () => {
    const child = start("printf 'one\\ntwo\\nthr'; exit 3");
    expect([await next(child), await next(child)]).toEqual(["one", "two"]);
    await expect(next(child)).rejects.toMatchObject({
      ...{ name: "ConversationError", kind: "crashed", message: "it exited with status 3" },
    });
    expect(child.isAlive).toBe(false);
  });

  test("wait to be asked for, and are counted", async () => {
    const child = start("printf 'one\\ntwo\\n'; cat");
    await next(child);
    await expect.poll(() => child.unread, { timeout: 20_000 }).toBe(1);
    expect(await next(child)).toBe("two");
  });

  test("may be 16 MiB long", async () => {
    const child = start(`${kilobytes(MAX_LINE / 1024)}; echo; echo short; cat`);
    expect(await next(child)).toHaveLength(MAX_LINE);
    expect(await next(child)).toBe("short");
  });

  test("may not be longer, whether they end or not", async () => {
    const child = start(`echo $$; ${kilobytes(MAX_LINE / 1024 + 1)}; sleep 60`);
    const pid = await nextPid(child);
    await expect(next(child)).rejects.toMatchObject({
      ...{ kind: "protocol-error", message: "a line longer than 16 MiB" },
    });
    await expectGone(pid);
  });

  test.each([
    { what: "long", command: "yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
    { what: "empty", command: "yes ''" },
  ])("that nobody asks for stop coming: $what ones", async ({ command }) => {
    const child = start(command);
    let before = -1;
    await expect
      .poll(() => child.unread > 0 && before === (before = child.unread), {
        interval: 300,
        timeout: 20_000,
      })
      .toBe(true);
    const waiting = child.unread;
    expect(waiting).toBeLessThan(400_000);
    for (let i = 0; i < waiting + 1000; i++) await next(child);
    expect(child.isAlive).toBe(true);
  });
});

describe("its end is told:", () => {
  test.each([
    { command: "exit 0", text: "it exited with status 0" },
    { command: "exit 7", text: "it exited with status 7" },
    { command: "kill -TERM $$", text: "it was killed by SIGTERM" },
    { command: "sh -c 'kill -KILL $$'; exit $?", text: "it was killed by SIGKILL" },
    { command: "exec /no/such/program", text: "it exited with status 127" },
  ])("$command: $text", async ({ command, text }) => {
    const child = start(command);
    await expect(next(child)).rejects.toMatchObject({ kind: "crashed", message: text });
    // It is still so when asked again.
    await expect(next(child)).rejects.toMatchObject({ message: text });
  });

  test("and nothing is heard when something is sent to it", async () => {
    const child = start("exit 0");
    await expect(next(child)).rejects.toThrow();
    child.send("anybody there?\n");
    await child.end(PATIENCE);
  });

  test("by whoever ends it", async () => {
    const child = start("echo $$; cat");
    const pid = await nextPid(child);
    const line = next(child);
    child.kill();
    await expect(line).rejects.toMatchObject({ kind: "crashed", message: "it was ended" });
    await expectGone(pid);
  });
});

describe("one that takes too long", () => {
  test("is killed", async () => {
    const child = start("echo $$; exec sleep 60");
    const pid = await nextPid(child);
    await expect(child.nextLine(50)).rejects.toMatchObject({
      ...{ kind: "timed-out", message: "no answer within 50 ms" },
    });
    expect(child.isAlive).toBe(false);
    await expectGone(pid);
  });

  test("is killed with all that it has started", async () => {
    const child = start("sleep 60 & echo $!; wait");
    const pid = await nextPid(child);
    await child.destroy();
    await expectGone(pid);
  });

  test("does not hold anybody up by what got away and keeps its output open", async () => {
    const spawned = `spawn("sleep", ["60"], { detached: true, stdio: "inherit" })`;
    const child = start(
      `node -e 'console.log(require("node:child_process").${spawned}.pid)'; sleep 60`,
    );
    const pid = await nextPid(child);
    await child.destroy();
    process.kill(pid);
    await expectGone(pid);
  });
});

describe("stderr:", () => {
  test("its last ten lines are kept, without empty ones", async () => {
    const child = start("seq 1 12 >&2; echo >&2; printf 'the end' >&2");
    await expect(next(child)).rejects.toThrow();
    expect(child.log).toEqual(["4", "5", "6", "7", "8", "9", "10", "11", "12", "the end"]);
  });

  test("of long lines, the last 4000 characters", async () => {
    const child = start(`{ ${kilobytes(10)}; echo; echo end; } >&2`);
    await expect(next(child)).rejects.toThrow();
    expect(child.log.join("\n")).toMatch(/^x{3995}\nend$/);
  });

  test("there may be 16 MiB of it, then it is killed", async () => {
    const child = start(`echo $$; { ${kilobytes(MAX_LOG / 1024 + 1)}; } >&2; sleep 60`);
    const pid = await nextPid(child);
    await expect(next(child)).rejects.toMatchObject({
      ...{ kind: "protocol-error", message: "more than 16 MiB on stderr" },
    });
    await expectGone(pid);
  });

  test("is counted anew for each case", async () => {
    const child = start(`while read x; do { ${kilobytes(10 * 1024)}; } >&2; echo $x; done`);
    for (const name of ["one", "two", "three"]) {
      child.beginCase();
      child.send(`${name}\n`);
      expect(await next(child)).toBe(name);
    }
    child.send("four\nfive\n");
    await expect(next(child).then(() => next(child))).rejects.toMatchObject({
      kind: "protocol-error",
    });
  });
});

describe("at the end", () => {
  test("it may end by itself when there is no more to read", async () => {
    const child = start("cat; sleep 0.2; echo bye >&2");
    await child.end(PATIENCE);
    expect(child.log).toEqual(["bye"]);
    await expect(next(child)).rejects.toMatchObject({ message: "it exited with status 0" });
  });

  test("it is killed if it does not", async () => {
    const child = start("echo $$; exec sleep 60");
    const pid = await nextPid(child);
    const before = Date.now();
    await child.end(300);
    expect(Date.now() - before).toBeGreaterThanOrEqual(290);
    await expectGone(pid);
  });

  test("all can be killed at once", async () => {
    const both = [start("echo $$; cat"), start("echo $$; cat")];
    const pids = await Promise.all(both.map(nextPid));
    killChildren();
    for (const child of both) expect(child.isAlive).toBe(false);
    for (const pid of pids) await expectGone(pid);
  });
});
