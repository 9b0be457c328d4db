import { audit, auditTlbs } from "../../reference/audit.ts";
import { hex } from "../../adapters/record.ts";
import { is_last_spte } from "../../reference/machine/spte.ts";
import { walkToLeaf } from "../../reference/kernel/walk.ts";
import { PARTS } from "../parts.ts";
import type { Finding, Property } from "../property.ts";
import { accessFinding, accessOf, endedAccesses } from "./accesses.ts";
import { memoryIsReached } from "./memory-is-reached.ts";
import { removedMemory } from "./removed-memory.ts";

const finding = (sentence: string): Finding => ({ sentence });

/** What the specification of the series says of every layer. */
export const PROPERTIES: readonly Property[] = [
  memoryIsReached(
    "created",
    "An access that begins after a CREATE returned reaches the memory",
    "created",
    "present",
  ),
  memoryIsReached(
    "published",
    "An access that begins after memory was published at its gfn reaches it",
    "published",
    "present",
  ),
  memoryIsReached(
    "gone-entry",
    "No access believes an MMIO SPTE that was zapped after it read it",
    "created",
    "gone",
  ),
  removedMemory,
  {
    id: "taken-back",
    title: "No access reaches a page that the host has taken back",
    watch: (execution) => ({
      after: (seen) => {
        for (const { access, operation, result } of endedAccesses(execution, seen)) {
          if (result["hva"] !== "taken-back") continue;
          const sentence = `vCPU ${access.step.vcpu} reaches a page that belongs to somebody else`;
          return accessFinding(sentence, execution.threads[seen.thread]!, operation, result);
        }
        return null;
      },
    }),
  },
  {
    id: "flush-owed",
    title: "While mmu_lock is free no TLB has what the tables no longer have",
    watch: ({ kvm }) => ({
      after: ({ touched }) => {
        if (!(touched & ~PARTS.memslots) || kvm.mmu_lock.held) return null;
        const [first] = auditTlbs(kvm);
        return first === undefined ? null : finding(`mmu_lock is free, and ${first}`);
      },
    }),
  },
  {
    id: "freed",
    title: "No page is used after it was freed",
    watch: () => ({
      after: ({ failure }) => (failure === null ? null : finding(failure.message)),
    }),
  },
  {
    id: "warn",
    title: "The kernel warns about nothing",
    watch: () => ({
      after: ({ events }) => {
        for (const event of events)
          if (event.event === "warn") return finding(`${event.where} warns`);
        return null;
      },
    }),
  },
  {
    id: "at-rest",
    title: "When all threads are through, pages, lists, counts and tables agree",
    inCase: { after: [{ do: "snapshot", expect: { counters: { leaked_pages: { min: 1 } } } }] },
    watch: ({ kvm }) => ({
      atEnd: () => {
        const [first] = audit(kvm);
        return first === undefined ? null : finding(first);
      },
    }),
  },
  {
    id: "survives",
    title: "What is mapped in a slot that nobody touches stays mapped",
    watch: (execution) => {
      const { kvm, threads } = execution;
      const touched = new Set<string>();
      const kept = new Set<number>();
      for (const { steps } of threads) {
        for (const step of steps) {
          if (step.do === "set_memory_region") touched.add(`${step.as ?? 0}:${step.slot}`);
        }
      }
      for (const thread of threads) {
        const access = accessOf(execution, thread);
        if (access === null) continue;
        const slot = kvm.memslots[access.as]!.__gfn_to_memslot(access.gfn);
        const end = walkToLeaf(kvm.vcpus[access.step.vcpu]!, access.gfn);
        if (slot === null || touched.has(`${access.as}:${slot.id}`) || end === null) continue;
        if (is_last_spte(end.sp, end.index)) kept.add(thread.id);
      }
      return {
        after: (seen) => {
          if (!kept.has(seen.thread)) return null;
          for (const { access, operation, result } of endedAccesses(execution, seen)) {
            if (result["outcome"] === "hit") continue;
            const sentence = `vCPU ${access.step.vcpu} faults at gfn ${hex(access.gfn)}, which was mapped`;
            return accessFinding(sentence, execution.threads[seen.thread]!, operation, result);
          }
          return null;
        },
      };
    },
  },
  {
    id: "lock-given-up",
    title: "A walk gives mmu_lock up between two pages when somebody wants the CPU",
    inCase: {
      events: {
        counts: [
          { event: "prepare_zap", count: { min: 2 } },
          { event: "lock_break", count: { max: 1 } },
        ],
      },
    },
    watch: () => ({
      after: ({ events }) => {
        const zapped = events.filter(({ event }) => event === "prepare_zap").length;
        return zapped < 2 ? null : finding(`${zapped} pages are zapped while mmu_lock is held`);
      },
    }),
  },
  {
    id: "shrinks",
    title: "Memory pressure zaps a page in use whenever there is one",
    watch: ({ kvm, threads }) => {
      const zapped = new Set<number>();
      return {
        after: ({ thread: id, events, ended }) => {
          const { steps, operations } = threads[id]!;
          if (events.some(({ event }) => event === "prepare_zap")) zapped.add(id);
          if (ended === 0 || steps[(operations - 1) % steps.length]!.do !== "shrink") return null;
          const spared = !zapped.has(id) && kvm.n_used_mmu_pages > 0;
          zapped.delete(id);
          if (!spared) return null;
          const { name, results } = threads[id]!;
          return {
            sentence: `The shrinker zaps none of ${kvm.n_used_mmu_pages} pages`,
            shows: { thread: name, operation: operations - 1, expect: results.at(-1)! },
          };
        },
        remember: (hash) => {
          for (const id of zapped) hash.add(id);
        },
      };
    },
  },
  {
    id: "flushed-at-breaks",
    title: "No walk drops mmu_lock with pages zapped and not flushed",
    inCase: {
      events: {
        counts: [
          { event: "lock_break", count: { min: 1 } },
          { event: "commit", count: { max: 2 } },
        ],
      },
    },
    watch: ({ threads }) => ({
      after: ({ thread, events }) => {
        const last = (name: string): number => events.findLastIndex(({ event }) => event === name);
        const isBreak = threads[thread]!.at === "mmu_lock.break";
        return isBreak && last("prepare_zap") > last("remote_flush")
          ? finding("mmu_lock is dropped with pages zapped and not flushed")
          : null;
      },
    }),
  },
  {
    id: "prepared-once",
    title: "No root in use is prepared for freeing that already was",
    inCase: {
      events: {
        counts: [
          { event: "prepare_zap", where: { invalid: true, root_count: 1 }, count: { min: 1 } },
        ],
      },
    },
    watch: () => ({
      after: ({ events }) => {
        for (const event of events) {
          if (event.event !== "prepare_zap") continue;
          if (!event.page.invalid || event.page.root_count === 0) continue;
          return finding(`The root at gfn ${hex(event.page.gfn)} is prepared again`);
        }
        return null;
      },
    }),
  },
  {
    id: "walks-on",
    title: "A walk that nobody interrupted starts again only if its list changed under it",
    inCase: {
      events: {
        counts: [
          { event: "walk_restart", count: { min: 1 } },
          { event: "lock_break", count: 0 },
        ],
      },
    },
    watch: () => ({
      after: ({ events, from }) => {
        const restart = events.findIndex(({ event }) => event === "walk_restart");
        const interrupted = from === "mmu_lock.break" || typeof from === "object";
        return restart < 0 || (restart === 0 && interrupted)
          ? null
          : finding("The walk starts again though only the page it was at is gone");
      },
    }),
  },
];

/** Those that must hold in any scenario, whatever the layer promises. */
export const ALWAYS: readonly string[] = ["created", "removed", "freed", "warn", "at-rest"];
