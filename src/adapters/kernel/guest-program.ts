import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../scenario/package-root.ts";
import { cached } from "./cache.ts";
import { needProgram, runProgram } from "./host-program.ts";

const SOURCES = join(PACKAGE_ROOT, "src/adapters/kernel/guest");
const FLAGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-static"];

/** The program that drives KVM from inside, built once for each version of its sources. @throws CannotBoot */
export function guestProgram(): string {
  const files = readdirSync(SOURCES).sort();
  const hash = createHash("sha256").update(FLAGS.join(" "));
  for (const file of files) hash.update(readFileSync(join(SOURCES, file)));
  const folder = cached(`guest-${hash.digest("hex").slice(0, 16)}`, (into) => {
    needProgram("cc", "builds the program that drives KVM inside");
    const sources = files.filter((file) => file.endsWith(".c"));
    runProgram("cc", [...FLAGS, "-o", join(into, "init"), ...sources], SOURCES);
  });
  return join(folder, "init");
}
