import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { kmc } from "../support/kmc.ts";

/** For each command arguments that make it do little, or refuse at once what would do much. */
const LITTLE: Readonly<Record<string, readonly string[]>> = {
  start: ["--out", "file/below"],
  run: ["--patch", "12"],
  identify: ["--impl", "exit 7"],
  explore: ["02", "--max", "1"],
  doctor: [],
  matrix: ["--patch", "12"],
  mutants: ["--patch", "12"],
  list: [],
  show: ["p12.facts.code-stays"],
  source: [],
  diff: ["11", "12"],
  explain: ["12"],
  compare: ["file", "file"],
  replay: ["file"],
  trace: ["file"],
  kernel: ["--image", "file"],
  serve: ["--layer", "99"],
  document: ["file"],
};

/** What may stand where a value is expected: nothing, too much, no text, no number, no file. */
const VALUES = [
  ...["", " ", "-", "--", "-1", "0", "007", "1e9", "0x10", "NaN", "99999999999999999999"],
  ...[",", "a,,b", "!", "*", "**.**", "[", "(", "%s", "E1", "E9", "1-2,!1", "3-1", "p12.*"],
  ...[".", "/", "..", "no/such", "file", "file/below", "v5.3", "merged"],
  ...["__proto__", "constructor", "toString", "undefined"],
  ...["\ud800", "\ufffd\ufffd", "\u001b[2J\u202e\n", "x".repeat(100_000)],
];

const defined = await Promise.all(
  COMMANDS.map(async ([name, , load]) => {
    const command = new Command(name);
    (await load()).add(command);
    return command;
  }),
);

/** Standard input is another matter: it would have to end. */
const READERS = ["trace", "document", "replay", "compare"];

const valueOf = (command: Command): fc.Arbitrary<string> =>
  fc.constantFrom(...VALUES.filter((text) => text !== "-" || !READERS.includes(command.name())));

/** An option with a value, without one, or without the one that it needs. */
const option = (command: Command): fc.Arbitrary<string[]> =>
  command.options.length === 0
    ? fc.constant([])
    : fc.constantFrom(...command.options).chain(({ long, short, required, optional }) => {
        const name = fc.constantFrom(...[long, short].flatMap((flag) => flag ?? []));
        const alone = name.map((flag) => [flag]);
        const full = fc.tuple(name, valueOf(command)).map(([flag, text]) => [flag, text]);
        return required || optional
          ? fc.oneof({ arbitrary: full, weight: 5 }, { arbitrary: alone, weight: 1 })
          : alone;
      });

/** A command line for one of the commands: little to do, with something at its end or in it. */
const commandLine = (command: Command): fc.Arbitrary<string[]> => {
  const little = LITTLE[command.name()]!;
  const changed = fc
    .tuple(fc.nat({ max: Math.max(0, little.length - 1) }), valueOf(command))
    .map(([at, text]) => little.map((before, i) => (i === at ? text : before)));
  // Those would go on for ever, or boot a kernel, if what is wrong with them were made right.
  const isLong = ["start", "serve", "kernel"].includes(command.name());
  return fc
    .tuple(
      fc.oneof(
        { arbitrary: fc.constant(little), weight: 3 },
        isLong ? fc.constant(little) : changed,
      ),
      fc.array(option(command), { maxLength: 3 }),
      fc.oneof({ arbitrary: fc.constant([]), weight: 5 }, fc.tuple(valueOf(command))),
    )
    .map(([args, options, more]) => [command.name(), ...args, ...options.flat(), ...more]);
};

describe("whatever the command line is,", () => {
  const before = process.cwd();
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kmc-test-"));
    process.chdir(folder);
  });

  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  test("its command has an entry here", () => {
    expect(Object.keys(LITTLE).sort()).toEqual(defined.map((command) => command.name()).sort());
  });

  test.each(defined.map((command) => ({ name: command.name(), command })))(
    "kmc $name ends with a documented code, and what is wrong is one sentence",
    async ({ command }) => {
      const seed = 20_261_130;
      const property = fc.asyncProperty(commandLine(command), async (args) => {
        writeFileSync("file", "no recording, no run, no kernel\n");
        const { code, out, err } = await kmc(...args);
        expect([0, 1, 2, 3]).toContain(code);
        if (code === 2) {
          expect(out).toBe("");
          expect(err).toMatch(/^kmc: [^\n]+\n$/);
          expect(err.length).toBeLessThan(2000);
        } else {
          expect(err).toBe("");
        }
      });
      await fc.assert(property, { seed, numRuns: RUNS });
    },
  );
});

const RUNS = 25;

test("arguments that are no text are refused like others", () => {
  const script = `exec "$0" bin/kmc.js show "$(printf '\\377\\376')"`;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath]);
  expect({ status, out: String(stdout) }).toEqual({ status: 2, out: "" });
  expect(String(stderr)).toBe('kmc: there is no case "\ufffd\ufffd"; see `kmc list`\n');
});
