import type { Introduction } from "../adapters/protocol/messages.ts";
import type { Identification } from "../conformance/identify.ts";
import { resultJson } from "./run-json.ts";

/** An identification as a document (fixtures/schema/output.schema.json, `identification`). */
export function identifyJson({ name, version }: Introduction, found: Identification) {
  const { candidate, layer, layers, findings, assessed, divergences } = found;
  return {
    kind: "identification",
    format: 1,
    implementation: { name, version },
    nearest: {
      layer,
      layers,
      patches: [...candidate.patches].sort((a, b) => a - b),
      errata: [...candidate.errata].sort(),
    },
    findings,
    assessed,
    divergences: divergences.map(resultJson),
  };
}
