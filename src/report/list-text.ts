import type { Case } from "../scenario/case.generated.ts";
import { suiteHead } from "./suite-head.ts";
import { fit, plural } from "./table.ts";

/** The cases as text: what each proves and where it holds, grouped by patch. */
export function listText(cases: readonly Case[]): string[] {
  const patches = [...new Set(cases.map(({ patch }) => patch))].sort((a, b) => a - b);
  const text = patches.flatMap((patch) => {
    const own = cases.filter((scenario) => scenario.patch === patch);
    return [suiteHead(patch), ...own.map(lineText), ""];
  });
  return [...text, plural(cases.length, "case")];
}

function lineText({ id, proof, layers: { from, to } }: Case): string {
  const range = from === to ? String(from) : `${from}-${to}`;
  return `  ${fit(id, 60)} ${fit(proof, 9)} layers ${range}`;
}
