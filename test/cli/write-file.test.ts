import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ensureWritable,
  isSameFile,
  isStandardOutput,
  writeWhole,
} from "../../src/cli/write-file.ts";
import { kmc, kmcProcess } from "../support/kmc.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Nothing of the machine's is named here but what cannot be replaced: a version that is wrong, run
// as root, must not harm it. Devices and links to standard output are made in folders of the test.

const TEXT = "a report\n";

/** As a command does: before the work, and after it. */
function write(path: string, what = TEXT): void {
  ensureWritable(path);
  writeWhole(path, what);
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

/** What comes out of a FIFO, which is made first. */
function fifo(path: string): Promise<string> {
  execFileSync("mkfifo", [path]);
  return text(spawn("cat", [path]).stdout);
}

/** Minor numbers of what is no device but memory. */
const MEMORY = { null: "3", full: "7" };

const NO_DEVICES = "only root can make a device, where the file system lets it";

/** One like `/dev/null` or `/dev/full` of the test's own. */
function memoryDevice(name: keyof typeof MEMORY): string | null {
  const device = join(temporaryFolder(), name);
  try {
    execFileSync("mknod", [device, "c", "1", MEMORY[name]], { stdio: "ignore" });
    closeSync(openSync(device, "r"));
    return device;
  } catch {
    return null;
  }
}

/** A link of the test's own to where the system has it. */
function linkToStandardOutput(): string {
  const link = join(temporaryFolder(), "stdout");
  symlinkSync("/proc/self/fd/1", link);
  return link;
}

describe("a report", () => {
  test("is a new file, and nothing else is left in its folder, which is made", () => {
    const folder = join(temporaryFolder(), "a", "b");
    write(join(folder, "report"));
    expect(readdirSync(folder)).toEqual(["report"]);
    expect(readFileSync(join(folder, "report"), "utf8")).toBe(TEXT);
    writeFileSync(join(folder, "other"), "");
    expect(modeOf(join(folder, "report"))).toBe(modeOf(join(folder, "other")));
  });

  test("takes the place of a file, never half of it, and leaves its mode", () => {
    const file = join(temporaryFolder(), "report");
    for (const mode of [0o600, 0o640, 0o666, 0o755]) {
      writeFileSync(file, "a longer report of before\n");
      chmodSync(file, mode);
      const before = statSync(file).ino;
      write(file);
      expect(readFileSync(file, "utf8")).toBe(TEXT);
      expect(modeOf(file)).toBe(mode);
      expect(statSync(file).ino).not.toBe(before);
    }
  });

  test("touches nothing beside it, whatever that is called", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "report.tmp"), "mine");
    write(join(folder, "report"));
    expect(readFileSync(join(folder, "report.tmp"), "utf8")).toBe("mine");
    expect(readdirSync(folder)).toEqual(["report", "report.tmp"]);
  });

  test("has a name as long as the system allows", () => {
    const folder = temporaryFolder();
    write(join(folder, "r".repeat(255)));
    expect(readdirSync(folder)).toEqual(["r".repeat(255)]);
  });

  test("keeps the other names of a file", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "one"), "before");
    linkSync(join(folder, "one"), join(folder, "other"));
    write(join(folder, "one"));
    expect(readFileSync(join(folder, "other"), "utf8")).toBe(TEXT);
  });

  test("goes through links to what they name, there or not yet there", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "elsewhere"));
    writeFileSync(join(folder, "elsewhere/there"), "before");
    chmodSync(join(folder, "elsewhere/there"), 0o600);
    symlinkSync("elsewhere/there", join(folder, "direct"));
    symlinkSync("direct", join(folder, "indirect"));
    symlinkSync("elsewhere/new", join(folder, "dangling"));
    write(join(folder, "indirect"));
    write(join(folder, "dangling"));
    expect(readlinkSync(join(folder, "indirect"))).toBe("direct");
    expect(readlinkSync(join(folder, "dangling"))).toBe("elsewhere/new");
    expect(readFileSync(join(folder, "elsewhere/there"), "utf8")).toBe(TEXT);
    expect(modeOf(join(folder, "elsewhere/there"))).toBe(0o600);
    expect(readFileSync(join(folder, "elsewhere/new"), "utf8")).toBe(TEXT);
    expect(readdirSync(join(folder, "elsewhere")).sort()).toEqual(["new", "there"]);
  });

  test("goes into a FIFO, which stays one; also through a link", async () => {
    const folder = temporaryFolder();
    const [direct, linked, link] = ["direct", "linked", "link"].map((name) => join(folder, name));
    symlinkSync("linked", link!);
    const read = [fifo(direct!), fifo(linked!)];
    for (const path of [direct!, link!]) write(path);
    expect(await Promise.all(read)).toEqual([TEXT, TEXT]);
    for (const path of [direct!, linked!]) expect(lstatSync(path).isFIFO()).toBe(true);
  });

  test("goes into a device, which stays one", (context) => {
    const device = memoryDevice("null");
    if (device === null) return context.skip(NO_DEVICES);
    write(device);
    expect(lstatSync(device).isCharacterDevice()).toBe(true);
  });

  test("of which nothing can be kept says so", (context) => {
    const device = memoryDevice("full");
    if (device === null) return context.skip(NO_DEVICES);
    expect(() => {
      write(device);
    }).toThrow(`${device} cannot be written: ENOSPC`);
    expect(lstatSync(device).isCharacterDevice()).toBe(true);
  });

  test("goes into what is open already, after what is in it", () => {
    const file = join(temporaryFolder(), "open");
    const descriptor = openSync(file, "w");
    onTestFinished(() => {
      closeSync(descriptor);
    });
    writeFileSync(descriptor, "first\n");
    for (const folder of ["/dev/fd", "/proc/self/fd"]) write(`${folder}/${descriptor}`);
    expect(readFileSync(file, "utf8")).toBe(`first\n${TEXT}${TEXT}`);
  });

  test.each([
    { what: "a folder", make: mkdirSync, code: "EISDIR" },
    {
      what: "a link to itself",
      make: (path: string) => {
        symlinkSync(path, path);
      },
      code: "ELOOP",
    },
    {
      what: "a link into a folder that is not there",
      make: (path: string) => {
        symlinkSync("no/such", path);
      },
      code: "ENOENT",
    },
  ])("cannot be $what", ({ make, code }) => {
    const path = join(temporaryFolder(), "report");
    make(path);
    expect(() => {
      ensureWritable(path);
    }).toThrow(`${path} cannot be written: ${code}`);
  });

  test("cannot be a socket", async () => {
    const path = join(temporaryFolder(), "socket");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    onTestFinished(() => void server.close());
    expect(() => {
      ensureWritable(path);
    }).toThrow(`${path} cannot be written: ENXIO`);
  });
});

test("standard output has several names, and one of a person's own", () => {
  for (const name of ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
    expect(isStandardOutput(name)).toBe(true);
  }
  expect(isStandardOutput(linkToStandardOutput())).toBe(true);
  for (const name of ["", "./-", "/dev/stderr", "/dev/null", "/dev/fd/99"]) {
    expect(isStandardOutput(name)).toBe(false);
  }
});

describe("every option that names what is written", () => {
  const IMPL = ["--impl", "node examples/broken/speak.mjs", "-j", "1"];
  const RUN = ["run", "--patch", "12"];
  const OPTIONS: { args: string[]; option: string }[] = [
    ...["--json", "--junit", "--ktap", "--markdown", "--html"].map((option) => ({
      ...{ args: RUN, option },
    })),
    { args: [...RUN, ...IMPL], option: "--transcript" },
    { args: ["explore", "03", "--max", "1"], option: "--html" },
  ];

  test.each(OPTIONS)("$args.0 $option goes through a link", async ({ args, option }) => {
    const folder = temporaryFolder();
    symlinkSync("target", join(folder, "link"));
    const { err } = await kmc(...args, option, join(folder, "link"));
    expect(err).toBe("");
    expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "target"), "utf8").length).toBeGreaterThan(20);
    expect(readdirSync(folder).sort()).toEqual(["link", "target"]);
  });

  test.each(OPTIONS.slice(-3))(
    "$args.0 $option - prints it and nothing else",
    async ({ args, option }) => {
      const file = join(temporaryFolder(), "file");
      const written = await kmc(...args, option, file);
      const printed = await kmc(...args, option, "-");
      expect(printed).toEqual({ ...written, out: readFileSync(file, "utf8") });
      expect(existsSync("-")).toBe(false);
    },
  );

  test.each(OPTIONS)("$args.0 $option '' is refused", async ({ args, option }) => {
    const { code, out, err } = await kmc(...args, option, "");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^kmc: option '.*' argument is empty\n$/);
  });
});

test("a link to standard output prints it, in a pipe and in a file", async () => {
  const args = ["run", "--patch", "12", "--json"];
  const { out } = await kmc(...args);
  const link = linkToStandardOutput();
  expect(await kmcProcess([...args, link])).toEqual({ code: 0, out, err: "" });
  const file = join(temporaryFolder(), "out");
  const command = `"${process.execPath}" bin/kmc.js ${args.join(" ")} "${link}" > "${file}"`;
  execFileSync("sh", ["-c", command]);
  expect(readFileSync(file, "utf8")).toBe(out);
});

test.each([
  ["the same name", "new", "./new"],
  ["a link to it", "there", "soft"],
  ["a link to what is not there yet", "no-such", "dangling"],
  ["another name of it", "there", "hard"],
])("two reports are not written to one file: %s", async (_, one, other) => {
  const folder = temporaryFolder();
  const there = join(folder, "there");
  writeFileSync(there, TEXT);
  linkSync(there, join(folder, "hard"));
  symlinkSync("there", join(folder, "soft"));
  symlinkSync("no-such", join(folder, "dangling"));
  const paths = [`${folder}/${one}`, `${folder}/${other}`] as const;
  const args = ["run", "--patch", "12", "--json", paths[0], "--junit", paths[1]];
  const { code, err } = await kmc(...args);
  expect(err).toBe(`kmc: --json and --junit name the same file: ${paths[1]}\n`);
  expect(code).toBe(2);
  expect(readFileSync(there, "utf8")).toBe(TEXT);
});

test("two reports may go into what is open already", () => {
  expect(isSameFile("/dev/fd/2", "/dev/fd/2")).toBe(false);
});
