import { EventEmitter, once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Exploration } from "./exploration.ts";
import type { Order, Told } from "./obligation-worker.ts";
import type { Counts, SearchOptions } from "./search.ts";

/** Beside this file, as source or compiled. */
const WORKER = new URL(import.meta.url.replace("explore-obligations", "obligation-worker"));

/**
 * Searches obligations, one on each core at a time: whoever is through takes the next one.
 * @param options what can be sent to a worker: no functions.
 * @returns the explorations, in the order of the ids.
 */
export async function* exploreObligations(
  ids: readonly string[],
  options: SearchOptions,
  onProgress: (id: string, counts: Counts) => void,
): AsyncGenerator<Exploration> {
  const left = [...ids];
  const found = new Map<string, Exploration>();
  const ends = new EventEmitter();
  const workers = Array.from({ length: Math.min(availableParallelism(), ids.length) }, () => {
    const worker = new Worker(WORKER);
    const next = (): void => {
      const id = left.shift();
      if (id !== undefined) worker.postMessage({ id, options } satisfies Order);
    };
    worker.on("message", ({ id, ...told }: Told) => {
      if ("counts" in told) {
        onProgress(id, told.counts);
        return;
      }
      found.set(id, told.exploration);
      ends.emit(id);
      next();
    });
    worker.on("error", (error) => ends.emit("error", error));
    next();
    return worker;
  });
  try {
    for (const id of ids) {
      if (!found.has(id)) await once(ends, id);
      yield found.get(id)!;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
