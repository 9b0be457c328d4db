import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

/** A machine that takes the place of QEMU. */
export interface FakeMachine {
  /** An image that nobody boots. */
  readonly image: string;
  /** In which `qemu-system-x86_64` is that machine. */
  readonly environment: NodeJS.ProcessEnv;
  /** A file that has the number of its process, as soon as there is one. */
  readonly pid: string;
}

/**
 * The program inside is ready at once.
 * @param answer what it answers to every command; nothing, as a kernel that stands still, if empty.
 */
export function fakeMachine(answer = ""): FakeMachine {
  const folder = temporaryFolder();
  const [machine, pid, image] = ["qemu-system-x86_64", "pid", "bzImage"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(machine, programOf(answer, pid));
  chmodSync(machine, 0o755);
  writeFileSync(image, `${"\0".repeat(0x202)}HdrS`);
  const PATH = `${folder}:${process.env["PATH"] ?? ""}`;
  return { image, pid, environment: { ...process.env, PATH } };
}

const programOf = (answer: string, pid: string): string => `#!${process.execPath}
const data = process.argv.find((word) => word.startsWith("socket,id=data,path="));
if (data === undefined) process.exit(0);
const link = require("node:net").connect(data.slice("socket,id=data,path=".length));
link.write("= ready 0\\n");
link.setEncoding("utf8");
link.on("data", (commands) => {
  const answer = ${JSON.stringify(answer)};
  for (const _ of answer === "" ? [] : commands.trim().split("\\n")) link.write(answer + "\\n");
});
require("node:fs").writeFileSync(${JSON.stringify(pid)}, String(process.pid));
setInterval(() => {}, 1000);
`;
