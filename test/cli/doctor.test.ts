import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mistakeInRequest } from "../../src/adapters/protocol/validate-message.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { implementation } from "../support/implementation.ts";
import { kmc } from "../support/kmc.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const broken = (file: string): string => `node examples/broken/${file}`;

describe("the doctor", () => {
  test("finds nothing wrong with who speaks the protocol", async () => {
    const { code, out } = await kmc("doctor", "--impl", broken("speak.mjs"));
    expect(out.split("\n")).toEqual([
      "ok       introduces itself as broken example 1",
      "ok       offers 3 capabilities",
      "ok       answers 3 small cases as the schema says (step by step)",
      "ok       answers 3 small cases as the schema says (pipelined)",
      "ok       ends after shutdown with status 0",
      "It speaks the protocol. Whatever `kmc run` finds is about the kernel.",
      "",
    ]);
    expect(code).toBe(0);
  });

  test.each([
    { file: "wrong-type.mjs", says: "/gpa must be string" },
    { file: "writes-text.mjs", says: "a line that is not JSON" },
    { file: "exits.mjs", says: "it exited with status 101" },
    { file: "no-introduction.mjs", says: "must have required property 'protocol'" },
  ])("shows where the conversation with $file goes wrong", async ({ file, says }) => {
    const { code, out } = await kmc("doctor", "--impl", broken(file));
    expect(out).toContain("mistake  ");
    expect(out).toContain(says);
    expect(code).toBe(1);
  });

  test("shows what is said between two cases, though it costs none of them", async () => {
    const impl = implementation(`
      let cases = 0;
      speak(({ method }, response) => {
        const before = method === "reset" && ++cases === 2 ? "done\\n" : "";
        return before + line(response);
      });`);
    const { code, out } = await kmc("doctor", "--impl", impl);
    const [mistake, what, where] = out.split("\n").slice(2, 5);
    expect(mistake).toBe("mistake  says nothing between two cases (step by step)");
    expect(what!.trim()).toBe("a line that is not JSON: done");
    expect(where).toMatch(/^ +found as \S+ begins$/);
    expect(code).toBe(1);
  });

  /** The exchange that is quoted: two lines that are whole, whatever their length. */
  const quoted = (out: string): unknown[] =>
    out
      .split("\n")
      .filter((line) => /^[→←] /.test(line))
      .map((line) => (line.endsWith("(no answer)") ? null : JSON.parse(line.slice(2))) as unknown);

  const offering = (...capabilities: string[]): string => `
      const offers = ${JSON.stringify(capabilities)};
      const introduced = ({ method }, { result, ...rest }) =>
        ({ ...rest, result: method === "initialize" ? { ...result, capabilities: offers } : result });`;

  test("quotes the request that has killed a process, in one piece", async () => {
    const impl = implementation(`
      speak((request, response) =>
        isAccess(request) ? process.exit(1) : line({ ...response, padding: "a word ".repeat(40) }));`);
    const { code, out } = await kmc("doctor", "--impl", impl);
    expect(quoted(out)).toMatchObject([{ method: "step", params: { do: "access" } }, null]);
    expect(code).toBe(1);
  });

  test("shows the events that nobody asked for", async () => {
    const impl = implementation(`
      const event = { event: "memslots.published", as: 0, generation: "0x1" };
      speak((request, response) =>
        line(isAccess(request) ? { ...response, result: { ...response.result, events: [event] } } : response));`);
    const { code, out } = await kmc("doctor", "--impl", impl);
    expect(out).toContain("it sends memslots.published; the reset asked for ");
    expect(quoted(out)).toMatchObject([
      { params: { do: "access" } },
      { result: { events: [{ event: "memslots.published" }] } },
    ]);
    expect(code).toBe(1);
  });

  test("shows what is said beyond what was asked", async () => {
    const impl = implementation(`
      let cases = 0;
      speak(({ method }, response) => {
        if (method === "reset") cases++;
        const isLast = method === "step" && cases === 1 && response.result.outcome !== undefined;
        return line(response) + (isLast ? line({ log: "nothing happens" }) : "");
      });`);
    const { code, out } = await kmc("doctor", "--impl", impl);
    expect(out).toMatch(/nothing happens/);
    expect(code).toBe(1);
  });

  test.each([
    { name: "operation:acess", meant: "operation:access" },
    { name: "event:memslots.publishd", meant: "event:memslots.published" },
    { name: "operation:Access", meant: "operation:access" },
  ])("asks whether $name is $meant", async ({ name, meant }) => {
    const impl = implementation(`
      ${offering("operation:create_vcpu", "operation:set_memory_region", name)}
      speak((request, response) => line(introduced(request, response)));`);
    const { out } = await kmc("doctor", "--impl", impl);
    const text = out.replaceAll(/\s+/g, " ");
    expect(text).toMatch(`there is no ${name}; did you mean ${meant}? `);
    expect(Number(/\? (\d+) cases need that/.exec(text)![1])).toBeGreaterThan(10);
  });

  test("says of other capabilities that no case needs that they are harmless", async () => {
    const impl = implementation(`
      ${offering("operation:create_vcpu", "operation:dance")}
      speak((request, response) => line(introduced(request, response)));`);
    const { out } = await kmc("doctor", "--impl", impl);
    expect(out).toContain("no case needs operation:dance: harmless");
    expect(out).not.toContain("did you mean");
  });

  test("begins with the simplest case that there is", async () => {
    const impl = implementation(`
      ${offering("operation:*", "event:*", "snapshot:*", "fact:*", "machine:*", "probe:*")}
      speak((request, response) => {
        if (request.method === "step") process.exit(1);
        return line(introduced(request, response));
      });`);
    const { out } = await kmc("doctor", "--impl", impl);
    const [request] = quoted(out) as [{ params: { do: string } }];
    expect(["create_vcpu", "set_memory_region"]).toContain(request.params.do);
  });

  test("tells it when the implementation does not come up a second time", async () => {
    const serve = `node ${join(PACKAGE_ROOT, "bin/kmc.js")} serve --layer 8`;
    const marker = join(temporaryFolder(), "marker");
    const impl = `test ! -e ${marker} && touch ${marker} && exec ${serve}`;
    const { code, out, err } = await kmc("doctor", "--impl", impl);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toContain("introduces itself when it is started again");
  });

  test("does not mind a process that ends after a case", async () => {
    const { code, out } = await kmc("doctor", "--impl", broken("one-case-only.mjs"));
    expect(out).not.toContain("mistake");
    expect(code).toBe(0);
  });

  test("tells a disagreement about the kernel from a mistake: it is none of its business", async () => {
    const old = "node bin/kmc.js serve --layer 3 --slips E1";
    const { code, out } = await kmc("doctor", "--impl", old);
    expect(out).not.toContain("mistake");
    expect(code).toBe(0);
  });

  test("shows a conversation to learn from, which is as the schema says", async () => {
    const { code, out } = await kmc("doctor");
    const lines = out.trimEnd().split("\n");
    const said = (arrow: string): unknown[] =>
      lines
        .filter((line) => line.startsWith(arrow))
        .map((line) => JSON.parse(line.slice(2)) as unknown);
    expect(said("→").map(mistakeInRequest).filter(Boolean)).toEqual([]);
    expect(said("→").map((request) => (request as { method: string }).method)).toEqual([
      ...["initialize", "reset"],
      ...Array.from({ length: lines.length / 2 - 3 }, () => "step"),
      "shutdown",
    ]);
    expect(said("←").length).toBe(said("→").length);
    expect(out).toContain('"event":"memslots.published"');
    expect(code).toBe(0);
  });
});
