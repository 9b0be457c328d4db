import { isatty } from "node:tty";
import picocolors from "picocolors";

const { env } = process;
const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0";
const forbidden = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";

/** Colours in a terminal only; in a file or a pipe, also that of a CI job, text is plain. */
export const pc = picocolors.createColors(
  !forbidden && (forced || (isatty(1) && env["TERM"] !== "dumb")),
);
