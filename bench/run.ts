/**
 * All benches: installs, faults, the whole matrix, the protocol, recordings, interleavings, a single
 * suite with start-up, and what it costs to remove a slot from VMs of growing size. Prints tables;
 * nothing here is a test.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { matrixLine } from "../src/conformance/matrix.ts";
import { loadCases } from "../src/scenario/load-cases.ts";
import { exploreBench } from "./explore.ts";
import { FAULTS, faults } from "./faults.ts";
import { INSTALLS, installs } from "./installs.ts";
import { measure, printTable, seconds } from "./measure.ts";
import { protocolBench } from "./protocol.ts";
import type { Removal } from "./removal.ts";
import { stepperBench } from "./stepper.ts";
import { traceBench } from "./trace.ts";

/** The series' own benchmark: 8 vCPUs with 2000 MB each, in 4K pages. */
const FULL = 4_096_000;

function bench(name: string): boolean {
  const wanted = process.argv.slice(2);
  return wanted.length === 0 || wanted.includes(name);
}

if (bench("machine")) {
  printTable(
    ["reference", "layer 0", "layer 27", "target"],
    [
      [
        `${INSTALLS} installs (the full wrap)`,
        seconds(installs(0).median),
        seconds(installs(27).median),
        "1 s",
      ],
      [
        "direct faults a second",
        ...[0, 27].map((layer) =>
          Math.round(FAULTS / (faults(layer).median / 1000)).toLocaleString("en"),
        ),
        "400,000",
      ],
    ],
  );
}

if (bench("matrix")) {
  const cases = loadCases();
  const whole = measure(
    3,
    () => cases,
    (all) => void all.map(matrixLine),
  );
  printTable(
    ["matrix", "median", "fastest", "slowest", "target"],
    [
      [
        `${cases.length} cases × 28 layers, one process`,
        ...[whole.median, whole.fastest, whole.slowest].map(seconds),
        "10 s",
      ],
    ],
  );
}

if (bench("protocol")) await protocolBench();

if (bench("trace")) await traceBench();

if (bench("explore")) await exploreBench();

if (bench("stepper")) await stepperBench();

if (bench("suite")) {
  const run = (...command: string[]): void => {
    const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  const ways: [string, string[]][] = [["from the sources", ["bin/kmc.js"]]];
  if (existsSync("dist/cli/main.js")) ways.push(["compiled", ["dist/cli/main.js"]]);
  printTable(
    ["a single suite on one layer, with start-up", "median", "fastest", "slowest", "target"],
    ways.map(([name, command]) => {
      const { median, fastest, slowest } = measure(
        5,
        () => null,
        () => {
          run(...command, "run", "--patch", "11", "--layer", "11");
        },
      );
      return [name, ...[median, fastest, slowest].map(seconds), "1 s"];
    }),
  );
  const help = measure(
    5,
    () => null,
    () => {
      run("dist/cli/main.js", "--help");
    },
  );
  printTable(
    ["kmc --help, compiled", "median", "fastest", "slowest", "target"],
    [
      [
        "",
        ...[help.median, help.fastest, help.slowest].map((ms) => `${ms.toFixed(0)} ms`),
        "150 ms",
      ],
    ],
  );
}

if (bench("removal")) {
  const sizes = [FULL / 16, FULL / 8, FULL / 4, FULL / 2, FULL];
  const removal = (layer: number, pages: number): Removal => {
    const args = [
      "--import",
      "./scripts/register.js",
      "bench/removal.ts",
      String(layer),
      String(pages),
    ];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Removal;
  };
  for (const layer of [0, 10, 11, 27]) {
    const curve = sizes.map((pages) => removal(layer, pages));
    const smallest = curve[0]!;
    printTable(
      [
        `layer ${layer}: mapped 4K pages`,
        "shadow pages",
        "build",
        "memory",
        "remove 64 pages",
        "ratio",
      ],
      curve.map(({ build, remove, rss, used }, i) => [
        sizes[i]!.toLocaleString("en"),
        used.toLocaleString("en"),
        seconds(build),
        `${Math.round(rss / 2 ** 20)} MiB`,
        `${remove.toFixed(3)} ms`,
        (remove / smallest.remove).toFixed(2),
      ]),
    );
  }
}
