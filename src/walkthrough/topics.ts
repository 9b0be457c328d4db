import { LAST_LAYER } from "../reference/compose.ts";
import { errata } from "../reference/errata/index.ts";
import type { ErratumId } from "../reference/patch.ts";

/** What a walkthrough is about: a patch by its number, or an erratum. */
export type TopicId = number | ErratumId;

/** What a walkthrough shows of its topic. */
export interface Topic {
  /** The case whose two runs tell most: it fails without the patch, or shows the defect. */
  readonly decisive: string;
  /** A command of the program that drove the kernels, and which recordings of it. */
  readonly recorded?: Recorded;
}

export interface Recorded {
  /** Recordings, a layer's or a release's: `11/D`, under `fixtures/recordings`. */
  readonly of: readonly string[];
  /** The number of the command. */
  readonly command: number;
  /** Which time, if a command with that number is given again and again; the first if left out. */
  readonly time?: number;
}

/** The patches and errata, in the order in which they are told. */
export const TOPIC_IDS: readonly TopicId[] = [
  ...Array.from({ length: LAST_LAYER }, (_, i) => i + 1),
  ...errata.map(({ id }) => id),
];

export const topicOf = (id: TopicId): Topic => TOPICS[id]!;

const TOPICS: Readonly<Record<TopicId, Topic>> = {
  1: { decisive: "p01.race.create-that-wraps", recorded: { of: ["00/X0", "01/X0"], command: 24 } },
  2: { decisive: "p02.stale.read-npt", recorded: { of: ["01/X0", "02/X0"], command: 31 } },
  3: {
    decisive: "p03.fill-after-publication.read-reaches-ram",
    recorded: { of: ["02/X0", "03/X0"], command: 24 },
  },
  4: { decisive: "p04.facts.flag-is-bit-0", recorded: { of: ["03/X0", "04/X0"], command: 24 } },
  5: {
    decisive: "p05.encode.bit-32-is-noticed",
    recorded: { of: ["04/X0", "05/X0"], command: 24 },
  },
  6: { decisive: "p06.in-flux.no-check-event", recorded: { of: ["05/X0", "06/X0"], command: 14 } },
  7: {
    decisive: "p07.wrap.45-installs-drop-nothing",
    recorded: { of: ["06/X0", "07/X0"], command: 24 },
  },
  8: { decisive: "p08.install.steps-of-two", recorded: { of: ["07/X0", "08/X0"], command: 24 } },
  9: {
    decisive: "p09.facts.helpers-before-the-handler",
    recorded: { of: ["08/X0", "09/X0"], command: 24 },
  },
  10: {
    decisive: "p10.pte-write.flush-is-the-helpers",
    recorded: { of: ["09/D", "10/D"], command: 30 },
  },
  11: {
    decisive: "p11.unaligned-slot.leaf-sptes-gone",
    recorded: { of: ["10/E", "11/E"], command: 27 },
  },
  12: {
    decisive: "p12.document.mmio-generation-only",
    recorded: { of: ["11/D", "12/D"], command: 27 },
  },
  13: {
    decisive: "p13.wrap.exactly-the-mmio-tables",
    recorded: { of: ["12/X0", "13/X0"], command: 31 },
  },
  14: {
    decisive: "p14.contended.one-break-a-table",
    recorded: { of: ["13/X0", "14/X0"], command: 31 },
  },
  15: { decisive: "p15.direct-root.two-requests", recorded: { of: ["14/D", "15/D"], command: 43 } },
  16: {
    decisive: "p16.shrink-in-break.oldest-page-goes",
    recorded: { of: ["15/D", "16/D"], command: 43 },
  },
  17: {
    decisive: "p17.break.flush-before-the-lock-is-dropped",
    recorded: { of: ["16/D", "17/D"], command: 43 },
  },
  18: {
    decisive: "p18.contended.one-break-a-page",
    recorded: { of: ["17/D", "18/D"], command: 43 },
  },
  19: { decisive: "p19.teardown.no-event", recorded: { of: ["18/D", "19/D"], command: 43 } },
  20: { decisive: "p20.facts.fields", recorded: { of: ["19/D", "20/D"], command: 41 } },
  21: {
    decisive: "p21.direct.youngest-page-first",
    recorded: { of: ["20/D", "21/D"], command: 43 },
  },
  22: {
    decisive: "p22.measured.young-root.prepared-once",
    recorded: { of: ["21/D", "22/D"], command: 43 },
  },
  23: {
    decisive: "p23.direct.one-break-a-page",
    recorded: { of: ["22/D", "23/D"], command: 43 },
  },
  24: {
    decisive: "p24.facts.no-fast-invalidate",
    recorded: { of: ["23/D", "24/D"], command: 43 },
  },
  25: {
    decisive: "p25.teardown.direct.walk-never-starts-again",
    recorded: { of: ["24/D", "25/D"], command: 43 },
  },
  26: {
    decisive: "p26.flagged-level-2.warns-and-zaps",
    recorded: { of: ["25/D", "26/D"], command: 43 },
  },
  27: {
    decisive: "p27.flagged-invalid-root.not-prepared-again",
    recorded: { of: ["26/D", "27/D"], command: 43 },
  },
  E1: { decisive: "E1.defect.measured-entry", recorded: { of: ["05/X0", "06/X0"], command: 14 } },
  E2: { decisive: "E2.defect.release-in-rmap-pass" },
  E3: { decisive: "E3.defect.teardown.no-end-after-20-breaks" },
  E4: { decisive: "E4.defect.teardown.one-break-at-the-root" },
  E5: { decisive: "E5.defect.exit-over-new-ram" },
  E6: {
    decisive: "E6.defect.deletion-without-rmaps-leaks",
    recorded: { of: ["09/D", "10/D"], command: 30 },
  },
  E7: {
    decisive: "E7.defect.marked-after-the-zap-smm",
    recorded: { of: ["releases/debian-6.1-E7"], command: 34 },
  },
  E8: { decisive: "E8.defect.dirty-log-of-2m" },
};
