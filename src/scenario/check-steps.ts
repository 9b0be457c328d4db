import type {
  Case,
  InjectStep,
  MapGuestRangeStep,
  ScheduleItem,
  SnapshotStep,
  Step,
  ThreadsStep,
  WriteGuestTableStep,
} from "./case.generated.ts";
import { allSteps } from "./capabilities.ts";
import { expectsBug } from "./expects-bug.ts";
import { isJudged } from "./is-judged.ts";

/** Operations that one case may perform in all, `repeat` counted out: no fixture runs for ever. */
export const MAX_OPERATIONS = 2 ** 20;

/** Repetitions above this must not be judged: what each of them shows would be kept. */
export const MAX_JUDGED_REPETITIONS = 10_000;

const PAGE_SIZE = 0x1000;

/** Says that the value at a JSON pointer is wrong, in one sentence. */
export type Fail = (pointer: string, problem: string) => never;

/** Checks that the steps of a case fit together and can be performed. */
export function checkSteps({ machine, steps, expect }: Case, fail: Fail): void {
  const state: State = {
    vcpus: 0,
    operations: 0,
    addressSpaces: machine.address_spaces ?? 2,
    shadow: machine.paging === "shadow",
    fail,
  };
  checkList(steps, { pointer: "/steps", times: 1, inThread: false }, state);
  checkBug(steps, expect, fail);
}

/** Nothing can be seen of a kernel after it broke, nor of the step in which it did. */
function checkBug(steps: readonly Step[], expect: Case["expect"], fail: Fail): void {
  const at = steps.findIndex(expectsBug);
  if (at < 0) {
    if ([...allSteps(steps)].some(expectsBug)) {
      fail(
        "/steps",
        "a BUG is expected inside another step; only the last step of all may end in one",
      );
    }
    return;
  }
  if (at < steps.length - 1) fail(`/steps/${at + 1}`, `nothing follows the BUG of step ${at}`);
  const { events } = steps[at]!.expect as { readonly events?: unknown };
  if (events !== undefined)
    fail(`/steps/${at}/expect/events`, "a step that breaks tells no events");
  if (expect !== undefined)
    fail("/expect", "a case that ends in a BUG expects no events of all of it");
}

interface State {
  vcpus: number;
  operations: number;
  readonly addressSpaces: number;
  readonly shadow: boolean;
  readonly fail: Fail;
}

interface Place {
  readonly pointer: string;
  /** How often what is there is performed. */
  readonly times: number;
  readonly inThread: boolean;
}

function checkList(steps: readonly Step[], place: Place, state: State): void {
  for (const [i, step] of steps.entries()) {
    checkStep(step, { ...place, pointer: `${place.pointer}/${i}` }, state);
  }
}

function checkStep(step: Step, place: Place, state: State): void {
  const { fail } = state;
  const { pointer, times } = place;
  count(times, pointer, state);
  if (place.inThread) checkThreadStep(step, pointer, fail);
  if ("vcpu" in step) checkVcpu(step.vcpu, `${pointer}/vcpu`, state);
  switch (step.do) {
    case "create_vcpu":
      state.vcpus += times;
      if (step.cr3 !== undefined && !state.shadow) {
        fail(`${pointer}/cr3`, 'guest page tables matter only with machine.paging "shadow"');
      }
      break;
    case "access":
      checkAddress(step, pointer, fail);
      checkWithinPage(step, step.size ?? 8, pointer, fail);
      break;
    case "write_guest_table":
      checkTableWrite(step, pointer, fail);
      break;
    case "map_guest_range":
      checkMapping(step, pointer, fail);
      break;
    case "inject":
      checkInjection(step, pointer, state);
      break;
    case "snapshot":
      checkSnapshot(step.expect ?? {}, `${pointer}/expect`, state);
      break;
    case "repeat":
      if (step.times > MAX_JUDGED_REPETITIONS && step.steps.some(isJudged)) {
        const limit = `repeated more than ${MAX_JUDGED_REPETITIONS} times`;
        fail(`${pointer}/steps`, `steps that are ${limit} have no expectations and no threads`);
      }
      checkList(
        step.steps,
        { ...place, pointer: `${pointer}/steps`, times: times * step.times },
        state,
      );
      break;
    case "threads":
      for (const [name, steps] of Object.entries(step.threads)) {
        checkList(steps, { pointer: `${pointer}/threads/${name}`, times, inThread: true }, state);
      }
      checkSchedule(step.schedule, step, { ...place, pointer: `${pointer}/schedule` }, state);
      break;
    default:
  }
}

function count(times: number, pointer: string, state: State): void {
  state.operations += times;
  if (state.operations > MAX_OPERATIONS) {
    state.fail(pointer, `the case performs more than ${MAX_OPERATIONS} operations`);
  }
}

/** Threads do not nest, vCPUs are numbered before they start, and events are those of them all. */
function checkThreadStep(step: Step, pointer: string, fail: Fail): void {
  if (step.do === "threads" || step.do === "create_vcpu") {
    fail(pointer, `"${step.do}" cannot be a step of a thread`);
  }
  if (step.expect !== undefined && "events" in step.expect) {
    const where = 'expect them of the whole "threads" step';
    fail(`${pointer}/expect/events`, `the events of one thread cannot be told apart; ${where}`);
  }
}

function checkVcpu(vcpu: number, pointer: string, { vcpus, fail }: State): void {
  if (vcpu < vcpus) return;
  const known = vcpus === 0 ? "none has been created" : `they go up to ${vcpus - 1}`;
  fail(pointer, `there is no vCPU ${vcpu} yet; ${known}`);
}

function checkAddressSpace(as: number, pointer: string, { addressSpaces, fail }: State): void {
  if (as >= addressSpaces) {
    fail(pointer, `there is no address space ${as}; machine.address_spaces is ${addressSpaces}`);
  }
}

interface Address {
  readonly gpa?: string;
  readonly gva?: string;
}

function checkAddress({ gpa, gva }: Address, pointer: string, fail: Fail): void {
  if ((gpa === undefined) === (gva === undefined)) {
    fail(pointer, "expected exactly one of gpa and gva");
  }
}

function checkWithinPage({ gpa, gva }: Address, size: number, pointer: string, fail: Fail): void {
  const name = gpa === undefined ? "gva" : "gpa";
  if (Number(BigInt(gpa ?? gva ?? "0x0") % BigInt(PAGE_SIZE)) + size > PAGE_SIZE) {
    fail(`${pointer}/${name}`, `${size} bytes from there on cross the end of the page`);
  }
}

function checkTableWrite(step: WriteGuestTableStep, pointer: string, fail: Fail): void {
  const byUserspace = step.gpa !== undefined && step.vcpu === undefined && step.gva === undefined;
  const byGuest = step.gpa === undefined && step.vcpu !== undefined && step.gva !== undefined;
  if (!byUserspace && !byGuest) {
    fail(pointer, "expected either gpa (userspace writes) or vcpu and gva (the guest writes)");
  }
  if (byUserspace && step.size !== undefined) {
    fail(`${pointer}/size`, "userspace writes whole entries; only a write of the guest has a size");
  }
  checkWithinPage(step, step.size ?? 8, pointer, fail);
}

function checkMapping(step: MapGuestRangeStep, pointer: string, fail: Fail): void {
  const size = step.large === true ? 512 * PAGE_SIZE : PAGE_SIZE;
  for (const [name, unit] of [
    ["root", PAGE_SIZE],
    ["gva", size],
    ["gpa", size],
  ] as const) {
    if (BigInt(step[name]) % BigInt(unit) !== 0n) {
      fail(`${pointer}/${name}`, `expected a multiple of 0x${unit.toString(16)}`);
    }
  }
}

function checkInjection(step: InjectStep, pointer: string, state: State): void {
  const page = step.page !== undefined;
  const generation = step.generation !== undefined && step.as !== undefined;
  if (step.what === "mmio_cached" && (!page || step.generation !== undefined)) {
    state.fail(pointer, '"mmio_cached" is injected into a page');
  }
  if (step.what === "generation" && (!generation || page)) {
    state.fail(pointer, '"generation" is injected into an address space: as and generation');
  }
  if (step.as !== undefined) checkAddressSpace(step.as, `${pointer}/as`, state);
}

function checkSnapshot(
  expected: NonNullable<SnapshotStep["expect"]>,
  pointer: string,
  state: State,
): void {
  for (const [i, { as }] of (expected.memslots ?? []).entries()) {
    checkAddressSpace(as, `${pointer}/memslots/${i}/as`, state);
  }
  const { entries = [], tlb = [], cache = [], requests = [] } = expected;
  for (const [part, items] of Object.entries({ entries, tlb, cache, requests })) {
    for (const [i, { vcpu }] of items.entries())
      checkVcpu(vcpu, `${pointer}/${part}/${i}/vcpu`, state);
  }
  for (const [part, items] of Object.entries({ entries, tlb })) {
    for (const [i, item] of items.entries())
      checkAddress(item, `${pointer}/${part}/${i}`, state.fail);
  }
}

function checkSchedule(
  items: readonly ScheduleItem[],
  step: ThreadsStep,
  { pointer, times, inThread }: Place,
  state: State,
): void {
  for (const [i, item] of items.entries()) {
    const at = `${pointer}/${i}`;
    count(times, at, state);
    if ("repeat" in item) {
      const inner = { pointer: `${at}/schedule`, times: times * item.repeat, inThread };
      checkSchedule(item.schedule, step, inner, state);
    } else if (!Object.hasOwn(step.threads, item.run)) {
      const names = Object.keys(step.threads).join(", ");
      state.fail(`${at}/run`, `there is no thread "${item.run}"; there are ${names}`);
    }
  }
}
