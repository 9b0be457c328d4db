import { readFileSync } from "node:fs";

/** How long a kernel may work until our program runs in it, in seconds of its machine's CPU time. */
export const MOST_WORK = 90;

/** A machine that has used less than a second of CPU time in so many seconds has nothing to do. */
const IDLE = 60;

/** How long to wait where the system does not tell what a process has used, in seconds. */
const BLIND = 300;

/** How often it is looked at, in seconds. */
const INTERVAL = 5;

/** Of Linux, whatever the hardware: the unit of times in /proc, in parts of a second. */
const TICKS = 100;

/** CPU time that a process has used, in seconds; null where the system does not tell. */
export function cpuTimeOf(pid: number): number | null {
  try {
    // The second field is a name in parentheses, blanks and all; 14 and 15 are what it used.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return null;
  }
}

/** Whether to go on waiting; a busy host gives a machine little time for the same work. */
export class BootPatience {
  #seconds = 0;
  #used: number[] = [];

  /** @param used CPU time in seconds, every `INTERVAL` seconds. @returns what is wrong, if it is. */
  look(used: number | null): string | null {
    this.#seconds += INTERVAL;
    if (used === null) return this.#seconds < BLIND ? null : `within ${BLIND} seconds`;
    if (used >= MOST_WORK) return `within ${MOST_WORK} seconds of work`;
    this.#used.push(used);
    const before = this.#used.at(-1 - IDLE / INTERVAL);
    if (before === undefined || used - before >= 1) return null;
    return `and has done nothing for ${IDLE} seconds`;
  }
}

/** When a machine that boots is to be given up, and why. */
export function impatience(pid: number): Promise<string> {
  const patience = new BootPatience();
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const wrong = patience.look(cpuTimeOf(pid));
      if (wrong === null) return;
      clearInterval(timer);
      resolve(wrong);
    }, INTERVAL * 1000).unref();
  });
}
