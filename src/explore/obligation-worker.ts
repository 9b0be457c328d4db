import { parentPort } from "node:worker_threads";
import { type Exploration, exploreObligation } from "./exploration.ts";
import { loadObligation } from "./obligation.ts";
import type { Counts, SearchOptions } from "./search.ts";

/** What a worker is told: which obligation, and how to search it. */
export interface Order {
  readonly id: string;
  readonly options: SearchOptions;
}

/** What it answers: how far it is, now and then, and at last what it found. */
export type Told = { readonly id: string } & (
  { readonly counts: Counts } | { readonly exploration: Exploration }
);

const tell = (told: Told): void => {
  parentPort!.postMessage(told);
};

parentPort!.on("message", ({ id, options }: Order) => {
  const onProgress = (counts: Counts): void => {
    tell({ id, counts });
  };
  const obligation = loadObligation(id);
  tell({ id, exploration: exploreObligation(obligation, { ...options, onProgress }, false) });
});
