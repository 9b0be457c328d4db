import { parentPort } from "node:worker_threads";
import { composeSubject, loadObligation, propertyOf } from "../src/explore/obligation.ts";
import { search } from "../src/explore/search.ts";

/** Milliseconds: first to warm the compiler up, then to be counted. */
const [WARM_UP, COUNTED] = [3000, 5000];

/** Install × access, again and again. @returns executions a second. */
function rateFor(milliseconds: number): number {
  const obligation = loadObligation("03");
  const composition = composeSubject({ layer: 2 });
  const options = { properties: [propertyOf(obligation)!], hashing: false, sleepSets: false };
  const started = performance.now();
  let executions = 0;
  let took: number;
  do {
    executions += search(composition, obligation.scenario, options).executions;
    took = performance.now() - started;
  } while (took < milliseconds);
  return executions / (took / 1000);
}

rateFor(WARM_UP);
parentPort!.postMessage(rateFor(COUNTED));
