import picocolors from "picocolors";

const { env, stdout } = process;
const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0";
const forbidden = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";

/** Colours in a terminal only; in a file or a pipe, also that of a CI job, text is plain. */
export const pc = picocolors.createColors(
  !forbidden && (forced || (stdout.isTTY && env["TERM"] !== "dumb")),
);
