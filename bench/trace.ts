import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Recording } from "../src/adapters/recording/recording.ts";
import { readTrace } from "../src/adapters/recording/read-trace.ts";
import { layer } from "../src/conformance/profiles.ts";
import { writeKvmslotsTrace } from "../test/support/model-trace.ts";
import { measure, printTable, seconds } from "./measure.ts";

/** Size of the recording that is generated, in megabytes: KMC_TRACE_MB, or 100. */
const MEGABYTES = Number(process.env["KMC_TRACE_MB"] ?? 100);

/** How fast recordings are read and judged, and how much memory that takes. */
export async function traceBench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kmc-bench-"));
  const file = join(folder, "trace");
  writeKvmslotsTrace(file, layer(0, "merged"), MEGABYTES * 1_000_000);

  const started = performance.now();
  const { lines } = await readTrace(await Recording.open(file), () => []);
  const reading = performance.now() - started;

  const program = existsSync("dist/cli/main.js") ? "dist/cli/main.js" : "bin/kmc.js";
  // The command itself tells what it took: its memory is not that of this process.
  const script =
    'process.on("exit", () => console.error(process.resourceUsage().maxRSS));' +
    `process.argv = [process.execPath, "kmc", ...process.argv.slice(1)];` +
    `await import(${JSON.stringify(join(process.cwd(), program))});`;
  const command = (...args: string[]): { took: number; memory: number } => {
    let memory = 0;
    const { median } = measure(
      1,
      () => null,
      () => {
        const given = ["--input-type=module", "-e", script, "--", "trace", file, ...args];
        const { status, stderr } = spawnSync(process.execPath, given, { encoding: "utf8" });
        if (status !== 0) throw new Error(stderr);
        memory = Number(stderr.trim().split("\n").at(-1)) / 1024;
      },
    );
    return { took: median, memory };
  };
  const claimed = command("--layer", "0");
  const identified = command("--identify");
  rmSync(folder, { recursive: true });

  const row = (name: string, { took, memory }: typeof claimed, target: string): string[] => [
    ...[name, seconds(took), `${memory.toFixed(0)} MiB`, target],
  ];
  printTable(
    [`a recording of ${MEGABYTES} MB, ${lines.toLocaleString("en")} lines`, "", "memory", "target"],
    [
      [
        "read, lines a second",
        Math.round(lines / (reading / 1000)).toLocaleString("en"),
        "",
        "300,000",
      ],
      row("kmc trace --layer 0", claimed, "10 s for 100 MB, 200 MiB"),
      row("kmc trace --identify", identified, ""),
    ],
  );
}
