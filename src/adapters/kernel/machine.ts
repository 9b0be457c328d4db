import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { impatience } from "./boot-patience.ts";
import { CannotBoot } from "./cannot-boot.ts";
import { type GdbOptions, GdbRemote, StubIsSilent, StubRefusal } from "./control/gdb-remote.ts";
import { GuestLink } from "./guest-link.ts";
import { needProgram } from "./host-program.ts";

/**
 * AMD's virtualisation in software, with nested paging. 40 physical address bits: MMIO SPTEs need
 * some that are not there. One CPU: with several on threads of their own, kernels hang now and then.
 * No cmpxchg16b: where it is, one boot in four of a 6.12 ends in a double fault in QEMU 7.2.
 */
const MACHINE = [
  ...["-machine", "q35", "-accel", "tcg,thread=single"],
  ...["-cpu", "EPYC,+svm,+npt,-cx16,phys-bits=40"],
  ...["-smp", "1", "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none"],
  ...["-no-reboot"],
];

/** What QEMU has to say of the CPU whose like it is to be. */
const REMARK = "qemu-system-x86_64: warning: TCG doesn't support requested feature";

/**
 * An oops with a lock held would let our program stand for ever: it is a panic, and that the end. On
 * a busy host the kernel's test of its timer fails now and then: there is no such test. The heap of
 * our program is not put anywhere, where cases may want their memory.
 */
const ARGUMENTS = [
  "console=ttyS0 panic=-1 oops=panic mitigations=off nokaslr norandmaps tsc=reliable",
  "no_timer_check quiet",
].join(" ");

/** How lines begin by which a kernel says that it is broken, behind a time or the like. */
const TROUBLE = [
  /\bBUG: .*/,
  /\bkernel BUG at .*/,
  /\bOops: .*/,
  /\bgeneral protection fault\b.*/,
  /\bdouble fault: .*/,
  /\bWatchdog detected hard LOCKUP\b.*/,
  /\bKernel panic - .*/,
];

/** How long it may go on after such a line, so that what it says of it is heard, in milliseconds. */
const LAST_WORDS = 1000;

export interface BootOptions {
  /** The kernel's image. */
  readonly image: string;
  readonly initramfs: Buffer;
  /** More arguments for the kernel. */
  readonly append: string;
  /** Told each line that the kernel prints. */
  readonly onConsole: (line: string) => void;
  /** Told each packet of the conversation with QEMU's gdb stub: `>` to it, `<` from it. */
  readonly onPacket?: (direction: ">" | "<", text: string) => void;
}

/** A virtual machine whose kernel is under test. */
export interface Machine {
  readonly link: GuestLink;
  /** The control of its CPUs, all of which run; null, and told, if QEMU gives none. */
  readonly stub: GdbRemote | null;
  /** When it is gone or broken: the line by which the kernel said so, or what was said last. */
  readonly over: Promise<string>;
  /** Ends it at once. */
  readonly end: () => void;
}

/** Boots a kernel until our program in it is ready. @throws CannotBoot */
export async function boot(options: BootOptions): Promise<Machine> {
  needProgram("qemu-system-x86_64", "the kernel runs in");
  const folder = mkdtempSync(join(tmpdir(), "kmc-kernel-"));
  const clean = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", clean);
  const archive = join(folder, "initramfs");
  writeFileSync(archive, options.initramfs);
  const connected = connection(join(folder, "data"));
  const qemu = spawn(
    "qemu-system-x86_64",
    [
      ...MACHINE,
      ...["-serial", "stdio"],
      ...["-chardev", `socket,id=data,path=${join(folder, "data")}`, "-serial", "chardev:data"],
      ...["-chardev", `socket,id=gdb,path=${join(folder, "gdb")},server=on,wait=off`],
      ...["-gdb", "chardev:gdb"],
      ...["-kernel", options.image, "-initrd", archive],
      ...["-append", `${ARGUMENTS} ${options.append}`.trim()],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const over = endOf(qemu, options.onConsole);
  const end = (): void => {
    qemu.kill("SIGKILL");
  };
  process.once("exit", end);
  try {
    const socket = await Promise.race([connected, over.then(died)]);
    const link = new GuestLink(socket);
    await Promise.race([link.ready, over.then(died), late(qemu.pid!)]);
    const { onPacket } = options;
    const stub = await Promise.race([
      control(join(folder, "gdb"), onPacket && { onPacket }),
      over.then(died),
    ]);
    stub?.resume();
    return { link, stub, end, over };
  } catch (error) {
    end();
    throw error;
  } finally {
    clean();
  }
}

async function control(path: string, options: GdbOptions = {}): Promise<GdbRemote | null> {
  try {
    return await GdbRemote.connect(path, options);
  } catch (error) {
    if (!(error instanceof StubIsSilent || error instanceof StubRefusal)) throw error;
    process.stderr.write(`no look inside, no control of CPUs: ${error.message}\n`);
    return null;
  }
}

/** The first that connects to a socket with that path. */
function connection(path: string): Promise<Socket> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      server.close();
      resolve(socket);
    });
    server.listen(path);
    server.unref();
  });
}

/** What says that the kernel is broken, if it did, or what it or QEMU said last. */
function endOf(qemu: ChildProcess, onConsole: (line: string) => void): Promise<string> {
  let last = "";
  let trouble: string | null = null;
  for (const stream of [qemu.stdout!, qemu.stderr!]) {
    createInterface({ input: stream, crlfDelay: Infinity }).on("line", (line) => {
      if (line.trim() === "" || line.startsWith(REMARK)) return;
      last = line.trim();
      onConsole(line);
      if (trouble !== null || (trouble = troubleIn(line)) === null) return;
      setTimeout(() => qemu.kill("SIGKILL"), LAST_WORDS).unref();
    });
  }
  return new Promise((resolve) => {
    qemu.once("error", (error) => {
      resolve(error.message);
    });
    qemu.once("close", () => {
      resolve(trouble ?? (last === "" ? "it prints nothing" : last));
    });
  });
}

/** What a line says that a kernel in good order does not say. */
export function troubleIn(line: string): string | null {
  for (const form of TROUBLE) {
    const found = form.exec(line)?.[0];
    if (found !== undefined) return found.trim();
  }
  return null;
}

const died = (last: string): never => {
  throw new CannotBoot(`the kernel does not come up: ${last}`);
};

async function late(pid: number): Promise<never> {
  throw new CannotBoot(`the kernel does not come up ${await impatience(pid)}: it hangs`);
}
