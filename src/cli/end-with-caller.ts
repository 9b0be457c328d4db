import { killChildren, silence } from "../adapters/protocol/child.ts";
import { EXIT } from "./exit-codes.ts";

/**
 * Ends this process and what is under test when whoever has started it is gone and nothing has been
 * heard for so long: nobody would end them. What still answers is let through, since it may be
 * meant to go on in the background.
 * @param patience in milliseconds.
 */
export function endWithCaller(patience: number): void {
  const caller = process.ppid;
  setInterval(() => {
    if (process.ppid === caller || silence() < patience) return;
    killChildren();
    process.exit(EXIT.inconclusive);
  }, 500).unref();
}
