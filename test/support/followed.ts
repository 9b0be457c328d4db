import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Recording } from "../../src/adapters/recording/recording.ts";
import { type TraceFile, TraceReader } from "../../src/adapters/recording/read-trace.ts";
import { Replay } from "../../src/adapters/recording/replay.ts";
import type { Composition } from "../../src/reference/compose.ts";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

/** Where a recording of the repository lies: `releases/v5.0.1-npt1`, `27/D`. */
export const recordingFile = (name: string): string =>
  join(PACKAGE_ROOT, "fixtures/recordings", `${name}.trace.gz`);

export const recordingText = (name: string): string =>
  gunzipSync(readFileSync(recordingFile(name))).toString();

/** Recordings that questions are asked about. */
export const opened = (...files: readonly string[]): Promise<Recording[]> =>
  Promise.all(files.map((file) => Recording.open(file)));

/** What comes of a text when a composition follows it; no replay if nobody can follow. */
export function followed(
  text: string,
  composition: Composition,
  leftOut: readonly string[] = [],
): { read: TraceFile; replay: Replay | null } {
  let replay: Replay | null = null;
  const reader = new TraceReader((setup) => [
    (replay = new Replay(composition, setup, new Set(leftOut))),
  ]);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const [i, line] of lines.entries()) reader.line(line, i + 1);
  return { read: reader.end(), replay };
}
