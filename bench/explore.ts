import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { Execution } from "../src/explore/execution.ts";
import { verdictOf } from "../src/explore/exploration.ts";
import { exploreObligations } from "../src/explore/explore-obligations.ts";
import {
  checkObligation,
  composeSubject,
  loadObligation,
  type Obligation,
  obligationIds,
  propertyOf,
  searchSubject,
  type Subject,
} from "../src/explore/obligation.ts";
import { search } from "../src/explore/search.ts";
import { isThere } from "../test/support/needs.ts";
import { readModel, verify } from "../test/support/spin.ts";
import { measure, type Measured, printTable, seconds } from "./measure.ts";

const RUNS = 5;
/** Of a search that takes a quarter of a second; the first ones only warm the compiler up. */
const RATE_RUNS = 20;
const WARM_UP_RUNS = 10;
/** How often fast-check's scheduler may try, for each seed. */
const TRIES = 20_000;
const SEEDS = 5;

const timed = (work: () => unknown): Measured => measure(RUNS, () => null, work);
const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
const whole = (number: number): string => Math.round(number).toLocaleString("en");

/** How fast interleavings are searched, and how that compares with others who search the same. */
export async function exploreBench(): Promise<void> {
  executionsPerSecond();
  await onAllCores();
  obligationTimes();
  await obligationsOnAllCores();
  for (const [id, model] of [
    ["01", "hook-before-store"],
    ["03", "no-caching-in-flux"],
  ] as const) {
    await compare(loadObligation(id), model);
  }
}

/** Install × access, every order executed from its beginning to its end. */
function executionsPerSecond(): void {
  const { scenario } = loadObligation("03");
  const property = propertyOf(loadObligation("03"))!;
  const rows = [2, 3].map((layer) => {
    const composition = composeSubject({ layer });
    let executions = 0;
    const options = { properties: [property], hashing: false, sleepSets: false };
    const run = (): void => {
      ({ executions } = search(composition, scenario, options));
    };
    measure(WARM_UP_RUNS, () => null, run);
    const { median, fastest } = measure(RATE_RUNS, () => null, run);
    const rate = (ms: number): string => whole(executions / (ms / 1000));
    return [
      `layer ${layer}: ${whole(executions)} executions`,
      rate(median),
      rate(fastest),
      "30,000",
    ];
  });
  printTable(["install × access, executions a second", "median", "fastest", "target"], rows);
}

/** The same search on each core, at the same time. */
async function onAllCores(): Promise<void> {
  const cores = availableParallelism();
  const worker = new URL("./explore-worker.ts", import.meta.url);
  const rates = await Promise.all(
    Array.from({ length: cores }, async () => {
      const [rate] = (await once(new Worker(worker), "message")) as [number];
      return rate;
    }),
  );
  const sum = rates.reduce((total, rate) => total + rate, 0);
  printTable(
    ["install × access, a search on each core", "executions a second", "target"],
    [[`layer 2, ${cores} cores`, whole(sum), "30,000"]],
  );
}

function obligationTimes(): void {
  const took = new Map<string, number>();
  for (const id of obligationIds()) {
    const obligation = loadObligation(id);
    const started = performance.now();
    for (const { holds } of checkObligation(obligation)) {
      if (!holds) throw new Error(`obligation ${id} does not hold`);
    }
    took.set(id, performance.now() - started);
  }
  const sum = (ids: Iterable<string>): number => [...ids].reduce((ms, id) => ms + took.get(id)!, 0);
  const slowest = [...took.keys()].sort((a, b) => took.get(b)! - took.get(a)!).slice(0, 3);
  printTable(
    ["obligations, complete, both directions, one process", "measured", "target"],
    [
      ["01, 02 and 03 together", seconds(sum(["01", "02", "03"])), "10 s"],
      [`all ${took.size}`, seconds(sum(took.keys())), "300 s"],
      ...slowest.map((id) => [`of these ${id}`, seconds(took.get(id)!), ""]),
    ],
  );
}

/** As `kmc explore` searches them. */
async function obligationsOnAllCores(): Promise<void> {
  const started = performance.now();
  const ids = obligationIds();
  for await (const { id, searches } of exploreObligations(ids, {}, () => undefined)) {
    if (searches.some((searched) => verdictOf(searched) !== "holds")) {
      throw new Error(`obligation ${id} does not hold`);
    }
  }
  printTable(
    ["obligations, complete, both directions, all cores", "measured", "target"],
    [[`all ${ids.length}`, seconds(performance.now() - started), "15 s"]],
  );
}

/** The same race searched by the explorer, by fast-check's scheduler and by SPIN. */
async function compare(obligation: Obligation, model: string): Promise<void> {
  const [before, after] = [obligation.reachable[0]!, obligation.unreachable[0]!];
  const firstOnly = timed(() => searchSubject(obligation, before, { firstOnly: true })).median;
  const complete = timed(() => searchSubject(obligation, after)).median;
  const rows = [["kmc explore", milliseconds(firstOnly), "1", milliseconds(complete), "1"]];

  const ratio = (ms: number, of: number): string => (ms / of).toFixed(1);
  const found = await byFastCheck(obligation, before, after);
  rows.push([
    `fast-check's scheduler`,
    found.first === null ? "never" : milliseconds(found.first),
    found.first === null ? "" : ratio(found.first, firstOnly),
    `never: ${found.orders} of ${found.of}`,
    "",
  ]);

  if (isThere("spin")) {
    const text = readModel(model);
    const first = verify(text, [], "-O2");
    const all = verify(text, ["PATCH"], "-O2");
    const built = all.building + all.searching;
    rows.push(
      [
        "SPIN, the search alone",
        milliseconds(first.searching),
        ratio(first.searching, firstOnly),
        milliseconds(all.searching),
        ratio(all.searching, complete),
      ],
      [
        "SPIN, with generating and compiling",
        milliseconds(first.building + first.searching),
        ratio(first.building + first.searching, firstOnly),
        milliseconds(built),
        ratio(built, complete),
      ],
    );
  } else console.log("SPIN is left out: install the Debian package spin");

  printTable(
    [`obligation ${obligation.id}`, "first witness", "ratio", "everything", "ratio"],
    rows,
  );
}

/**
 * Random orders of the same threads. Complete it never is; `orders` of all `of` orders were among
 * its tries.
 */
async function byFastCheck(
  obligation: Obligation,
  before: Subject,
  after: Subject,
): Promise<{ first: number | null; orders: string; of: string }> {
  const times: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const started = performance.now();
    const { failed } = await fc.check(
      fc.asyncProperty(
        fc.scheduler(),
        async (s) => (await randomOrder(obligation, before, s)).kept,
      ),
      { seed, numRuns: TRIES, endOnFailure: true },
    );
    times.push(failed ? performance.now() - started : Infinity);
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(SEEDS / 2)]!;

  const orders = new Set<string>();
  await fc.check(
    fc.asyncProperty(fc.scheduler(), async (s) => {
      orders.add((await randomOrder(obligation, after, s)).order);
    }),
    { seed: 1, numRuns: TRIES },
  );
  const all = search(composeSubject(after), obligation.scenario, {
    hashing: false,
    sleepSets: false,
  });
  return {
    first: Number.isFinite(median) ? median : null,
    orders: whole(orders.size),
    of: `${whole(all.executions)} orders`,
  };
}

/** One execution whose order is chosen by fast-check: a thread that cannot go on asks again. */
async function randomOrder(
  obligation: Obligation,
  subject: Subject,
  scheduler: fc.Scheduler,
): Promise<{ kept: boolean; order: string }> {
  const execution = new Execution(composeSubject(subject), obligation.scenario);
  execution.fingerprints = false;
  const watcher = propertyOf(obligation)!.watch(execution);
  let kept = true;
  let order = "";
  const threads = execution.threads.map(async (thread) => {
    while (thread.at !== "end") {
      await scheduler.schedule(Promise.resolve());
      if (!execution.canStep(thread)) continue;
      order += String(thread.id);
      const finding = watcher.after?.(execution.step(thread.id, [])) ?? null;
      if (finding !== null) kept = false;
    }
  });
  await scheduler.waitFor(Promise.all(threads));
  const records = execution.finish();
  if ((watcher.atEnd?.(records) ?? null) !== null) kept = false;
  return { kept, order };
}
