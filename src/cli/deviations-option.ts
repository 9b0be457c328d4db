import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Implementation } from "../adapters/implementation.ts";
import { type Introduction, introducedCapability } from "../adapters/protocol/messages.ts";
import {
  applyDeviations,
  type Deviations,
  DeviationsError,
  isLookedAt,
  parseDeviations,
} from "../conformance/deviations.ts";
import type { RunReport } from "../report/run-report.ts";
import type { Case } from "../scenario/case.generated.ts";
import { loadCases } from "../scenario/load-cases.ts";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import type { CompositionFlags } from "./composition-options.ts";
import type { UnderTest } from "./implementation-options.ts";
import { UsageError } from "./usage-error.ts";

export const addDeviationsFlag = (command: Command): Command =>
  command.option("--deviations <file>", "what is known to differ: a file, or a kernel like v5.3");

const PRESETS = join(PACKAGE_ROOT, "fixtures/deviations");

/** Names of the deviations that this package has. */
export const presetNames = (): string[] =>
  readdirSync(PRESETS)
    .map((file) => file.replace(/\.json$/, ""))
    .sort();

/** A file of deviations, or a preset by its name. @throws UsageError */
export function readDeviations(name: string): Deviations {
  const preset = presetNames().includes(name) ? join(PRESETS, `${name}.json`) : name;
  if (!existsSync(preset)) {
    const known = presetNames().join(", ");
    throw new UsageError(
      `there is no file ${name}, and no preset of that name; there are ${known}`,
    );
  }
  try {
    return parseDeviations(readFileSync(preset, "utf8"), name);
  } catch (error) {
    if (error instanceof DeviationsError) throw new UsageError(error.message);
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${name} cannot be read: ${code}`);
  }
}

/** The options, with what the deviations say of the implementation. @throws UsageError */
export function withClaim(flags: CompositionFlags, { claim }: Deviations): CompositionFlags {
  if (claim === undefined) return flags;
  const given = (["layer", "patches", "profile", "slips", "remedies"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (given !== undefined) {
    throw new UsageError(`--${given} and these deviations exclude each other: both make a claim`);
  }
  return { ...flags, ...claim };
}

/**
 * An implementation with the width of the generation that the claim says, where it does not say
 * itself. @throws UsageError if it says another one
 */
export function withWidth(underTest: UnderTest, { claim }: Deviations): UnderTest {
  const claimed = claim?.mmio_generation_bits;
  const { name, machine } = underTest.introduction;
  const told = machine.mmio_generation_bits ?? undefined;
  if (claimed === undefined || told === claimed) return underTest;
  if (told !== undefined) {
    throw new UsageError(
      `these deviations are of a kernel whose MMIO generation has ${claimed} bits, and that of ` +
        `${name} has ${told}`,
    );
  }
  const introduction: Introduction = {
    ...underTest.introduction,
    machine: { ...machine, mmio_generation_bits: claimed },
  };
  const workers = underTest.workers.map((worker): Implementation => ({
    name: worker.name,
    offers: (capability) => introducedCapability(introduction, capability),
    record: (scenario, options) => worker.record(scenario, options),
  }));
  return { ...underTest, introduction, workers };
}

/**
 * What a run has found out, for somebody who knows the deviations.
 * @param cases those that were chosen.
 */
export function inLightOf(
  { deviations }: Deviations,
  report: RunReport,
  cases: readonly Case[],
): RunReport {
  const { results, unused } = applyDeviations(report.results, { deviations });
  const all = loadCases();
  const unseen = report.notRun > 0 ? [] : unused.filter((entry) => isLookedAt(entry, cases, all));
  return { ...report, results, unseen };
}
