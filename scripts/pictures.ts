import { readFileSync } from "node:fs";
import {
  type EChartsOption,
  type GraphSeriesOption,
  type HeatmapSeriesOption,
  init,
} from "echarts";
import { benchVm, createVcpu, setRegion, touch } from "../bench/machine.ts";
import { recordOnReference } from "../src/adapters/reference/reference-implementation.ts";
import type { MatrixLine } from "../src/conformance/matrix.ts";
import { staircase } from "../src/conformance/staircase.ts";
import { layer, PROFILES, type Profile } from "../src/conformance/profiles.ts";
import { OBLIGATION_FIGURES } from "../src/explore/obligation.ts";
import { LAST_LAYER } from "../src/reference/compose.ts";
import { patches } from "../src/reference/layers/index.ts";
import type { PatchKind } from "../src/reference/patch.ts";
import type { Case, Step } from "../src/scenario/case.generated.ts";

/** The pictures of the docs: SVG by name of the file. Everything in them is computed. */
export function pictures(lines: readonly MatrixLine[]): Readonly<Record<string, string>> {
  return {
    "dependencies.svg": dependencies(),
    "matrix.svg": matrix(lines),
    "removal.svg": removal(),
    "teardown.svg": teardown(),
    "states.svg": states(),
  };
}

const WIDTH = 820;
const FONT = "system-ui, sans-serif";
const [BLUE, RED, GREY] = ["#3451b2", "#b3261e", "#c9ccd3"];
/** Widths of texts are estimated without a browser: there is room between them. */
const LEGEND = { top: 0, itemGap: 60, textStyle: { color: "#222" } };
const LAYERS = Array.from({ length: LAST_LAYER + 1 }, (_, number) => number);
const two = (number: number): string => String(number).padStart(2, "0");

function svg(height: number, option: EChartsOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, textStyle: { fontFamily: FONT, color: "#222" }, ...option });
  const text = chart.renderToSVGString();
  chart.dispose();
  return `${text}\n`;
}

const axisName = (name: string, gap: number) => ({
  name,
  nameLocation: "middle" as const,
  nameGap: gap,
  nameTextStyle: { color: "#222" },
  axisLabel: { color: "#222" },
});

const KIND_COLOURS: Readonly<Record<PatchKind, string>> = {
  behaviour: BLUE,
  encoding: "#8a4b08",
  interface: "#5b6b79",
  refactor: "#5b6b79",
  trace: "#2e7d32",
  docs: "#2e7d32",
};

/** The patches in their order, an arc over them from what is needed; the colour is the first kind's. */
function dependencies(): string {
  const nodes = patches.map(({ number, kinds }) => ({
    name: two(number),
    value: [number, 0],
    itemStyle: { color: KIND_COLOURS[kinds[0]!] },
  }));
  const links = patches.flatMap(({ number, requires }) =>
    Object.keys(requires).map((need) => ({ source: two(Number(need)), target: two(number) })),
  );
  return svg(200, {
    grid: { left: 20, right: 20, top: 20, bottom: 20 },
    xAxis: { show: false, min: 1, max: patches.length },
    yAxis: { show: false, min: 0, max: 1 },
    series: {
      ...{ type: "graph", coordinateSystem: "cartesian2d", layout: "none", symbolSize: 20 },
      ...{ edgeSymbol: ["none", "arrow"], edgeSymbolSize: 6 },
      label: { show: true, color: "#fff", fontSize: 10 },
      lineStyle: { color: "#666", width: 1, opacity: 1, curveness: 0.8 },
      data: nodes,
      links,
    } satisfies GraphSeriesOption,
  });
}

/** What share of the cases of each suite holds on each layer, under the promises. */
function matrix(lines: readonly MatrixLine[]): string {
  const data = staircase(lines)
    .filter(({ patch }) => patch > 0)
    .flatMap(({ patch, stairs }) =>
      stairs.map(({ holds, of }, at) => [at, patch - 1, Math.round((holds / of) * 100)]),
    );
  return svg(640, {
    grid: { left: 60, right: 20, top: 20, bottom: 90 },
    xAxis: { type: "category", data: LAYERS, ...axisName("layer", 28) },
    yAxis: {
      ...{ type: "category", inverse: true, data: patches.map(({ number }) => two(number)) },
      ...axisName("suite of patch", 36),
    },
    visualMap: {
      ...{ min: 0, max: 100, orient: "horizontal", left: "center", bottom: 0 },
      text: ["all cases hold", "none"],
      textStyle: { color: "#222" },
      inRange: { color: ["#f3f4f6", "#9db2e8", BLUE] },
    },
    series: {
      type: "heatmap",
      data,
      itemStyle: { borderColor: "#fff", borderWidth: 1 },
    } satisfies HeatmapSeriesOption,
  });
}

const MIB = 2 ** 20;
const REGION = 2 * MIB;

/** How many shadow pages the removal of a 256 KiB slot zaps, against the memory of the VM in use. */
function removal(): string {
  const sizes = [16, 64, 256, 1024, 4096, 16_384];
  return svg(360, {
    grid: { left: 80, right: 30, top: 40, bottom: 60 },
    legend: LEGEND,
    xAxis: {
      ...{ type: "category", data: sizes.map((size) => `${size} MiB`) },
      ...axisName("memory of the VM that is mapped", 32),
    },
    yAxis: { type: "log", min: 1, ...axisName("shadow pages zapped", 50) },
    series: [10, 11].map((number) => ({
      ...{ type: "line", name: `layer ${number}`, color: number === 10 ? RED : BLUE },
      label: { show: true, color: "#222" },
      data: sizes.map((size) => zappedByRemoval(number, size * MIB)),
    })),
  });
}

function zappedByRemoval(number: number, size: number): number {
  const kvm = benchVm(number, { pageBudget: 2 ** 20 });
  const slot = { id: 9, gpa: 2 ** 40 / 2, size: 64 * 4096, hva: 2 ** 45 };
  setRegion(kvm, 1, 0, size, 2 ** 36);
  setRegion(kvm, slot.id, slot.gpa, slot.size, slot.hva);
  const vcpu = createVcpu(kvm, null);
  for (let gpa = 0; gpa < size; gpa += REGION) touch(vcpu, gpa, 1);
  touch(vcpu, slot.gpa, 1);
  const before = kvm.counters.prepares;
  setRegion(kvm, slot.id, slot.gpa, 0, slot.hva);
  return kvm.counters.prepares - before;
}

const TABLES = 60;

/** TLB flushes and lock breaks of a teardown while somebody always wants the CPU. */
function teardown(): string {
  const counted = new Map(
    PROFILES.map((profile) => [profile, LAYERS.map((number) => teardownOf(number, profile))]),
  );
  const series = (["breaks", "flushes"] as const).flatMap((what, i) =>
    PROFILES.map((profile) => ({
      ...{ type: "line" as const, step: "middle" as const, symbol: "none" },
      ...{ name: profile, xAxisIndex: i, yAxisIndex: i },
      color: profile === "promised" ? BLUE : RED,
      lineStyle: { type: profile === "promised" ? ("solid" as const) : ("dashed" as const) },
      data: counted.get(profile)!.map((each) => each[what]),
    })),
  );
  return svg(460, {
    legend: LEGEND,
    grid: [
      { left: 80, right: 30, top: 40, height: 150 },
      { left: 80, right: 30, top: 240, height: 150 },
    ],
    xAxis: [0, 1].map((gridIndex) => ({
      ...{ type: "category" as const, gridIndex, data: LAYERS },
      ...axisName(gridIndex === 1 ? "layer" : "", 28),
    })),
    yAxis: ["lock breaks", "TLB flushes"].map((name, gridIndex) => ({
      ...{ type: "value" as const, gridIndex, max: TABLES + 5 },
      ...axisName(name, 40),
    })),
    series,
  });
}

function teardownOf(number: number, profile: Profile) {
  const pages = Array.from({ length: TABLES - 3 }, (_, i): Step => ({
    ...{ do: "access", vcpu: 0, gpa: `0x${(i * REGION).toString(16)}` },
  }));
  const scenario: Case = {
    ...{ id: "p00.teardown", patch: 0, title: "", why: "", function: "kvm_arch_flush_shadow_all" },
    ...{ proof: "invariant", layers: { from: 0, to: LAST_LAYER }, profile: "both" },
    machine: { paging: "npt", page_budget: 1000 },
    steps: [
      { do: "set_memory_region", slot: 1, gpa: "0x0", size: "0x10000000", hva: "0x10000000" },
      { do: "create_vcpu" },
      ...pages,
      { do: "contend", who: "cpu", when: "always" },
      { do: "flush_shadow_all" },
    ],
  };
  const { events } = recordOnReference(layer(number, profile), scenario).steps.at(-1)!;
  const count = (name: string): number => events.filter(({ event }) => event === name).length;
  return { breaks: count("lock_break"), flushes: count("remote_flush") };
}

/** Sizes of the searched spaces, from the figures in the page about them. */
function states(): string {
  const rows = [
    ...readFileSync(OBLIGATION_FIGURES, "utf8").matchAll(
      /^\| (\S+) +\| (.+?) +\| (reachable|unreachable) +\| \d+ +\| (\d+) +\|$/gm,
    ),
  ].map(([, id, on, outcome, count]) => ({
    name: `${id!}: ${on!}`,
    outcome,
    count: Number(count),
  }));
  const series = [
    { outcome: "reachable", name: "the bad outcome is reachable", color: RED },
    { outcome: "unreachable", name: "it is not", color: BLUE },
  ].map(({ outcome, name, color }) => ({
    ...{ type: "bar" as const, barGap: "-100%", name, color, barWidth: 10 },
    data: rows.map((row) => (row.outcome === outcome ? row.count : null)),
  }));
  return svg(90 + rows.length * 17, {
    grid: { left: 250, right: 60, top: 40, bottom: 50 },
    legend: LEGEND,
    xAxis: {
      type: "log",
      min: 1,
      ...axisName("states", 28),
      splitLine: { lineStyle: { color: GREY } },
    },
    yAxis: {
      ...{ type: "category", inverse: true, data: rows.map(({ name }) => name) },
      axisLabel: { color: "#222", fontSize: 10, interval: 0 },
    },
    series,
  });
}
