import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CannotBoot } from "../../adapters/kernel/cannot-boot.ts";
import { guestProgram } from "../../adapters/kernel/guest-program.ts";
import { needProgram } from "../../adapters/kernel/host-program.ts";
import type { Npt } from "../../adapters/kernel/kernel-definition.ts";
import { debianKernel, kernelFiles, type KernelFiles } from "../../adapters/kernel/kernel-files.ts";
import { serveKernel } from "../../adapters/kernel/serve-kernel.ts";
import { PACKAGE_ROOT } from "../../scenario/package-root.ts";
import { addPatienceFlags, type ImplementationFlags } from "../implementation-options.ts";
import { endWithCaller } from "../end-with-caller.ts";
import { UsageError } from "../usage-error.ts";
import { identifyImplementation } from "./identify.ts";
import { addRunFlags, run, type RunFlags } from "./run.ts";

interface KernelFlags {
  readonly image?: string;
  readonly modules?: string;
  readonly npt?: Npt;
  readonly append?: string;
  readonly long?: true;
  readonly traceControl?: string;
  readonly identify?: true;
  readonly serve?: true;
}

type Flags = KernelFlags & RunFlags & Omit<ImplementationFlags, "impl" | "module">;

/** A kernel in a CPU that is emulated takes its time. */
const STEP_TIMEOUT = 60_000;
const LONG_STEP_TIMEOUT = 600_000;
const CASE_TIMEOUT = 300_000;
/** Who boots it finds out if it hangs, however busy the host is: this is for who does not even do that. */
const START_TIMEOUT = 1_800_000;

/** `kmc kernel`: boots a kernel and tests it. */
export function add(command: Command): void {
  command
    .option("--image <bzImage>", "the kernel; Debian's, downloaded, if left out")
    .option("--modules <dir>", "its modules, if KVM is not built in: lib/modules/VERSION")
    .option("--npt <0|1>", "nested paging never or always (default: as the case needs)", bit)
    .option("--append <arguments>", "more arguments for the kernel")
    .option("--long", "cases with 2^18 installs, too: a minute each")
    .option("--trace-control <file>", "writes down what is said to QEMU's gdb stub; with one job")
    .option("--identify", "which patches it behaves as having; so without a claim or a choice")
    .addOption(new Option("--serve", "speaks the protocol on stdio").hideHelp());
  addPatienceFlags(addRunFlags(command)).action(kernel);
}

function bit(text: string): Npt {
  if (text === "0" || text === "1") return text;
  throw new InvalidArgumentError("Expected 0 or 1.");
}

async function kernel(flags: Flags): Promise<void> {
  const identifies = asksWhatItIs(flags);
  if (flags.traceControl !== undefined) begun(flags.traceControl);
  try {
    needProgram("qemu-system-x86_64", "the kernel runs in");
    const files = filesOf(flags);
    if (flags.serve === true) {
      await serveKernel(files, flags);
      return;
    }
    guestProgram();
  } catch (error) {
    throw error instanceof CannotBoot ? new UsageError(error.message) : error;
  }
  const underTest = {
    stepTimeout: flags.long === true ? LONG_STEP_TIMEOUT : STEP_TIMEOUT,
    caseTimeout: flags.long === true ? 2 * LONG_STEP_TIMEOUT : CASE_TIMEOUT,
    ...flags,
    // Several machines would write into one file.
    ...(flags.traceControl !== undefined && { jobs: 1 }),
    impl: commandOf(flags),
    startTimeout: START_TIMEOUT,
    called: "the kernel",
  };
  endWithCaller(underTest.stepTimeout);
  if (identifies) await identifyImplementation(underTest);
  else await run(underTest);
}

/** Makes a file empty, so that it is known that it can be written. @throws UsageError */
function begun(path: string): void {
  try {
    writeFileSync(path, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--trace-control: ${path} cannot be written: ${code}`);
  }
}

/** @throws CannotBoot */
function filesOf({ image, modules }: KernelFlags): KernelFiles {
  if (image !== undefined) return kernelFiles(image, modules);
  if (modules !== undefined) throw new UsageError("--modules needs --image");
  return debianKernel();
}

/** Options that only a run knows. */
const OF_A_RUN = [
  ...["layer", "patches", "profile", "slips", "remedies", "deviations"],
  ...["patch", "case", "file", "smoke", "transcript", "junit", "ktap", "markdown", "html"],
] as const;

/** @throws UsageError if that is asked for together with what only a run has. */
function asksWhatItIs(flags: Flags): boolean {
  const given = OF_A_RUN.find((name) => name in flags);
  if (given !== undefined && flags.identify === true) {
    throw new UsageError(`--identify and --${given} exclude each other: one finds, one judges`);
  }
  return given === undefined;
}

/** The command of a process that boots the kernel and speaks the protocol for it. */
function commandOf({ image, modules, npt, append, long, traceControl }: KernelFlags): string {
  const words = [process.execPath, join(PACKAGE_ROOT, "bin/kmc.js"), "kernel", "--serve"];
  if (image !== undefined) words.push("--image", resolve(image));
  if (modules !== undefined) words.push("--modules", resolve(modules));
  if (npt !== undefined) words.push("--npt", npt);
  if (long === true) words.push("--long");
  if (traceControl !== undefined) words.push("--trace-control", resolve(traceControl));
  if (append !== undefined) words.push(`--append=${append}`);
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}
