import type { StepResult } from "../../adapters/record.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import type { AccessStep, Step } from "../../scenario/case.generated.ts";
import { type Execution, nextStep, type Seen, type Thread } from "../execution.ts";
import type { Finding } from "../property.ts";

/** An access with direct paging that begins, or that has ended. */
export interface SeenAccess {
  readonly step: AccessStep;
  /** Page number of the address. */
  readonly gfn: number;
  /** Address space of the vCPU: 0, or 1 in SMM. */
  readonly as: number;
}

interface EndedAccess {
  readonly access: SeenAccess;
  readonly operation: number;
  readonly result: StepResult;
}

const NONE: readonly EndedAccess[] = [];

/** The access that is in progress or begins next in a thread; null for another operation. */
export function accessOf({ kvm }: Execution, thread: Thread): SeenAccess | null {
  const step = nextStep(thread);
  return step === undefined ? null : seenAccess(kvm, step);
}

/** The accesses that ended in a step, with their results. */
export function endedAccesses(
  { kvm, threads }: Execution,
  { thread: id, ended }: Seen,
): readonly EndedAccess[] {
  const thread = threads[id]!;
  const { steps, operations, results } = thread;
  if (ended === 0 || thread.forever) return NONE;
  const accesses: EndedAccess[] = [];
  for (let operation = operations - ended; operation < operations; operation++) {
    const access = seenAccess(kvm, steps[operation]!);
    if (access !== null) accesses.push({ access, operation, result: results[operation]! });
  }
  return accesses;
}

/** @returns null for a step that is no access, or one by guest virtual address. */
export function seenAccess({ vcpus }: Kvm, step: Step): SeenAccess | null {
  if (step.do !== "access" || step.gpa === undefined) return null;
  const gfn = Math.floor(Number(step.gpa) / PAGE_SIZE);
  return { step, gfn, as: vcpus[step.vcpu]!.addressSpace };
}

/** What a case must expect to show a result again. */
export const shown = ({ outcome, via, hva }: StepResult): object => ({
  outcome,
  ...(via !== undefined && { via }),
  ...(hva !== undefined && { hva }),
});

/** A finding about the result of an access in a thread. */
export const accessFinding = (
  sentence: string,
  thread: Thread,
  operation: number,
  result: StepResult,
): Finding => ({ sentence, shows: { thread: thread.name, operation, expect: shown(result) } });
