import type { Composition } from "../reference/compose.ts";
import type { Taken } from "./execution.ts";
import type { Scenario } from "./scenario.ts";
import {
  type Edge,
  search,
  type SearchOptions,
  type SearchResult,
  type Violation,
} from "./search.ts";

/** The property of obligations about cycles: it is one of a state space, not of a state. */
export const LIVELOCK = "livelock";

/** A cycle of states that a fair scheduler allows, and the threads that never come to their end. */
export interface Livelock {
  /** From the beginning to a state of the cycle. */
  readonly stem: readonly Taken[];
  /** From that state back to it; each of the threads takes a step. */
  readonly cycle: readonly Taken[];
  /** Threads that take steps in it. */
  readonly threads: readonly string[];
  /** States that can follow each other for ever. */
  readonly states: number;
}

export interface ProgressResult extends SearchResult {
  readonly livelock: Livelock | null;
}

/**
 * Looks for a livelock: states that can follow each other for ever though every thread that can
 * take a step again and again does, while a thread that should end is among those. The whole state
 * space is built, without reduction.
 */
export function searchProgress(
  composition: Composition,
  scenario: Scenario,
  options: SearchOptions = {},
): ProgressResult {
  const edges: Edge[] = [];
  const result = search(composition, scenario, {
    ...options,
    hashing: true,
    sleepSets: false,
    onEdge: (edge) => edges.push(edge),
  });
  return { ...result, livelock: fairCycle(edges, scenario) };
}

/** A livelock as something to follow: its schedule ends with one round of the cycle. */
export function asViolation({ stem, cycle, threads }: Livelock): Violation {
  const steps = `steps ${stem.length + 1} to ${stem.length + cycle.length}`;
  const sentence =
    `${steps} can follow each other for ever, under a scheduler that is fair to ` +
    threads.join(" and ");
  return {
    property: LIVELOCK,
    finding: { sentence },
    schedule: [...stem, ...cycle],
    atEnd: false,
  };
}

function fairCycle(edges: readonly Edge[], scenario: Scenario): Livelock | null {
  const names = Object.keys(scenario.threads);
  const ends = names.map((name) => !scenario.forever.includes(name));
  const candidates = [edges];
  for (let inside = candidates.pop(); inside !== undefined; inside = candidates.pop()) {
    for (const component of components(inside)) {
      const moving = threadsOf(component.map(({ thread }) => 1 << thread));
      const able = threadsOf(component.map(({ able }) => able));
      const starved = able & ~moving;
      if (starved !== 0) {
        // Fair only where the starved threads cannot take a step: look among those states.
        const rest = component.filter((edge) => (edge.able & starved) === 0);
        if (rest.length > 0 && rest.length < component.length) candidates.push(rest);
        continue;
      }
      const threads = names.filter((_, id) => moving & (1 << id));
      if (!names.some((_, id) => moving & (1 << id) && ends[id])) continue;
      const first = component.reduce((best, edge) =>
        edge.path.length < best.path.length ? edge : best,
      );
      const cycle = roundTrip(component, first.from, moving);
      const states = new Set(component.map(({ from }) => from)).size;
      return { stem: first.path, cycle, threads, states };
    }
  }
  return null;
}

/** A way from a state back to it on which each of the threads (bits) takes a step. */
function roundTrip(edges: readonly Edge[], start: number, threads: number): Edge[] {
  const way: Edge[] = [];
  const end = (): number => way.at(-1)?.to ?? start;
  for (let left = threads; left !== 0; left = threads & ~movedBy(way)) {
    way.push(...shortestWay(edges, end(), ({ thread }) => (left & (1 << thread)) !== 0));
  }
  if (end() !== start) way.push(...shortestWay(edges, end(), ({ to }) => to === start));
  return way;
}

const movedBy = (way: readonly Edge[]): number => threadsOf(way.map(({ thread }) => 1 << thread));

/** The fewest edges from a state of a component, the last of which is wanted; there are some. */
function shortestWay(
  edges: readonly Edge[],
  start: number,
  wanted: (edge: Edge) => boolean,
): Edge[] {
  const cameBy = new Map<number, Edge | null>([[start, null]]);
  for (const state of cameBy.keys()) {
    for (const edge of edges) {
      if (edge.from !== state) continue;
      if (wanted(edge)) return [...wayTo(cameBy, state), edge];
      if (!cameBy.has(edge.to)) cameBy.set(edge.to, edge);
    }
  }
  return [];
}

function wayTo(cameBy: ReadonlyMap<number, Edge | null>, state: number): Edge[] {
  const edge = cameBy.get(state);
  return edge ? [...wayTo(cameBy, edge.from), edge] : [];
}

const threadsOf = (bits: readonly number[]): number => bits.reduce((all, bit) => all | bit, 0);

/** The edges within each strongly connected component that has any (Tarjan, without recursion). */
function components(edges: readonly Edge[]): Edge[][] {
  const next = new Map<number, number[]>();
  for (const { from, to } of edges) {
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  }
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const component = new Map<number, number>();
  const open: number[] = [];
  for (const root of next.keys()) {
    if (index.has(root)) continue;
    const calls: { state: number; edge: number }[] = [{ state: root, edge: 0 }];
    while (calls.length > 0) {
      const call = calls.at(-1)!;
      const { state } = call;
      if (call.edge === 0) {
        index.set(state, index.size);
        low.set(state, index.get(state)!);
        open.push(state);
      }
      const target = next.get(state)?.[call.edge++];
      if (target !== undefined) {
        if (!index.has(target)) calls.push({ state: target, edge: 0 });
        else if (!component.has(target)) {
          low.set(state, Math.min(low.get(state)!, index.get(target)!));
        }
        continue;
      }
      calls.pop();
      const parent = calls.at(-1)?.state;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(state)!));
      if (low.get(state) !== index.get(state)) continue;
      for (let member = open.pop()!; ; member = open.pop()!) {
        component.set(member, state);
        if (member === state) break;
      }
    }
  }
  const inside = new Map<number, Edge[]>();
  for (const edge of edges) {
    const id = component.get(edge.from)!;
    if (component.get(edge.to) !== id) continue;
    const known = inside.get(id);
    if (known === undefined) inside.set(id, [edge]);
    else known.push(edge);
  }
  return [...inside.values()];
}
