import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Deviations } from "../conformance/deviations.ts";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";
import { code, link, table } from "./markdown.ts";

/** What is known of released kernels (fixtures/schema/releases.schema.json). */
export const RELEASES_FILE = "fixtures/releases.json";

/** Something about a release, in one sentence, and how it is known. */
export interface Fact {
  readonly id: string;
  /** The pages that tell it: a patch, an erratum, or a name that a page asks for. */
  readonly topics: readonly (number | string)[];
  /** The commit in Linus's tree. */
  readonly commit?: string;
  readonly says: string;
  readonly evidence: readonly string[];
  /** What of it could not be verified. */
  readonly open?: string;
}

/** What released kernels are, as `--deviations` takes it. */
export interface Preset {
  readonly name: string;
  readonly kernels: string;
  readonly claim: Readonly<Record<string, string>>;
  /** Bits of the generation in an MMIO SPTE. */
  readonly mmio_generation_bits: number;
  /** Facts that the claim rests on, by id. */
  readonly facts: readonly string[];
  /** Cases that fail, each with the fact that says why. */
  readonly deviations?: readonly { readonly case: string; readonly fact: string }[];
}

const { facts, presets } = JSON.parse(readFileSync(join(PACKAGE_ROOT, RELEASES_FILE), "utf8")) as {
  facts: readonly Fact[];
  presets: readonly Preset[];
};

export { facts, presets };

export const factsOf = (topic: number | string): readonly Fact[] =>
  facts.filter(({ topics }) => topics.includes(topic));

/** What became of something, a line for each fact, with the link to how it is known. */
export const fateLines = (topic: number | string, releases = "../releases.md"): string[] =>
  factsOf(topic).map(
    (fact) => `- ${sentence(fact)} (${link("how it is known", `${releases}#${anchor(fact)}`)})`,
  );

/** Every fact with its evidence. */
export const releasesLines = (): string[] =>
  facts.flatMap((fact, i) => [
    ...(i === 0 ? [] : [""]),
    `### ${fact.id}`,
    "",
    sentence(fact),
    "",
    ...fact.evidence.map((each) => `- ${each}`),
    ...(fact.open === undefined ? [] : [`- _not verified_: ${fact.open}`]),
  ]);

const sentence = ({ says, commit }: Fact): string =>
  commit === undefined ? says : `${says.slice(0, -1)} (${code(commit)}).`;

const anchor = ({ id }: Fact): string => id.toLowerCase();

/** The presets as a table. */
export const presetsTable = (): string[] =>
  table(
    ["`--deviations`", "claim", "bits", "kernels"],
    presets.map(({ name, claim, mmio_generation_bits, kernels }) => [
      code(name),
      claimCell(claim),
      String(mmio_generation_bits),
      kernels,
    ]),
  );

function claimCell({ layer, patches, slips, remedies }: Preset["claim"]): string {
  const what = layer === undefined ? `patches ${patches}` : `layer ${layer}`;
  const parts = [what];
  if (slips !== undefined) parts.push(`slips ${slips}`);
  if (remedies !== undefined) parts.push(`remedies ${remedies}`);
  return parts.join("; ");
}

/** The file of a preset. */
export function presetFile({
  name,
  kernels,
  claim,
  mmio_generation_bits,
  facts: ids,
  deviations = [],
}: Preset): Deviations & {
  readonly $schema: string;
  readonly about: string;
} {
  const because = ids.map((id) => sentence(facts.find((fact) => fact.id === id)!)).join(" ");
  return {
    $schema: "../schema/deviations.schema.json",
    about: `Linux ${kernels}. Made from ${RELEASES_FILE}.`,
    claim: { ...claim, mmio_generation_bits, because },
    deviations: deviations.map(({ case: id, fact: which }) => {
      const fact = facts.find((each) => each.id === which)!;
      return { case: id, reason: fact.says, link: linkOf(fact, name) };
    }),
  };
}

/** Where it can be looked up: the commit, or the code of the kernel that the preset is of. */
const linkOf = ({ commit }: Fact, kernel: string): string =>
  commit === undefined
    ? `https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/tree/arch/x86/kvm/mmu?h=${kernel}`
    : `https://git.kernel.org/linus/${commit}`;
