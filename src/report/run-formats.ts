import { runHtml } from "./run-html.ts";
import { runJson } from "./run-json.ts";
import { runJunit } from "./run-junit.ts";
import { runKtap } from "./run-ktap.ts";
import { runMarkdown } from "./run-markdown.ts";
import type { RunReport } from "./run-report.ts";

/** The files that a run can be written to, by the option that asks for them. */
export const RUN_FORMATS = {
  json: (report: RunReport): string => `${JSON.stringify(runJson(report), null, 2)}\n`,
  junit: runJunit,
  ktap: runKtap,
  markdown: runMarkdown,
  html: runHtml,
} as const satisfies Readonly<Record<string, (report: RunReport) => string>>;

export type RunFormat = keyof typeof RUN_FORMATS;
