import { constants } from "node:os";
import { killChildren } from "../adapters/protocol/child.ts";
import type { UnderTest } from "./implementation-options.ts";

/**
 * Starts processes. Ctrl-C meanwhile ends this one and them: they have process groups of their own,
 * so that nobody else would.
 */
export async function killingOnSignals<T>(start: () => Promise<T>): Promise<T> {
  const end = (signal: "SIGINT" | "SIGTERM"): void => {
    killChildren();
    process.exit(128 + constants.signals[signal]);
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  try {
    return await start();
  } finally {
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
  }
}

/**
 * Does some work with an implementation and ends its processes. Ctrl-C stops the work early: what
 * is done by then is returned.
 */
export async function untilInterrupted<T>(
  { close, kill }: UnderTest,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    controller.abort();
    kill();
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    await close();
  }
}
