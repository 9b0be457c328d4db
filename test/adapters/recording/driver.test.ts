import { beforeEach, describe, expect, test } from "vitest";
import { Driver, RecordingError } from "../../../src/adapters/recording/driver.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { Kvm } from "../../../src/reference/machine/kvm.ts";
import { machineParameters } from "../../../src/reference/machine/machine.ts";

const SETUP = [
  "mem M 0x10000 0xA1000000",
  "mem S 0x1000 0",
  "mem T 0x10000 0",
  "vm",
  "slot 0 1 0x0 0x10000 0 M",
  "slot 0 2 0xc0000000 0x1000 0 S",
  "slot 0 3 0x20000000 0x10000 0 T",
  "stub 0xc0000000 S",
];

let kvm: Kvm;
let driver: Driver;
beforeEach(() => {
  kvm = new Kvm(machineParameters({ paging: "shadow" }), composeThrough(27).ops);
  driver = new Driver(kvm);
});

/** Performs commands and gives the last one's answer. */
const perform = (...commands: string[]): string =>
  commands.map((command) => driver.perform(command)).at(-1)!;

const faults = (): number => kvm.counters.faults;

describe("a guest without page tables of its own", () => {
  beforeEach(() => {
    perform(...SETUP, "vcpu 0 pm32");
  });

  test("reads what the memory was filled with: one more with each page", () => {
    expect(perform("touch 0 0x0 r")).toBe("val a1000000");
    expect(perform("touch 0 0x5000 r")).toBe("val a1000005");
  });

  test("reads back what it wrote; a write has no answer", () => {
    expect(perform("touch 0 0x5000 w")).toBe("");
    expect(perform("touch 0 0x5000 r")).toBe("val 77");
  });

  test("leaves with MMIO where there is no memory", () => {
    expect(perform("touch 0 0x700000 r")).toBe("val 5a5a5a5a mmio-r@700000/4");
    expect(perform("touch 0 0x700000 w")).toBe("mmio-w@700000/4");
  });

  test("fetches the instruction that reads from its code page", () => {
    perform("run 0");
    const before = faults();
    perform("touch 0 0x0 r");
    expect(faults() - before).toBe(1);
  });

  test("does not reach a slot that was deleted, and reaches it once it is there again", () => {
    expect(perform("del 0 1", "touch 0 0x5000 r")).toBe("val 5a5a5a5a mmio-r@5000/4");
    expect(perform("slot 0 1 0x0 0x10000 0 M", "touch 0 0x5000 r")).toBe("val a1000005");
  });
});

test("a guest in long mode reaches memory through the tables that were mapped for it", () => {
  perform(...SETUP, "ptinit 0x20000000 T", "map 0xc0000000 0xc0000000 0x1000");
  perform("map 0x8000000000 0x3000 0x2000", "vcpu 0 long");
  expect(perform("touch 0 0x8000000000 r")).toBe("val a1000003");
  expect(perform("touch 0 0x8000001000 r")).toBe("val a1000004");
});

test("toggling dirty logging changes the slot's flag to and fro", () => {
  const flags = () => kvm.memslots[0]!.slots.find(({ id }) => id === 1)!.flags;
  perform(...SETUP, "toggle 0 1");
  expect(flags()).toBe(1);
  perform("toggle 0 1");
  expect(flags()).toBe(0);
});

test("closing ends the VM: no page is left", () => {
  perform(...SETUP, "vcpu 0 pm32", "touch 0 0x0 r", "close");
  expect(kvm.n_used_mmu_pages).toBe(0);
});

test("marks and questions of the driver do nothing", () => {
  for (const command of ["vm", "mark all mapped", "ptwhere 0x30000000"]) perform(command);
  expect(kvm.log).toEqual([]);
});

test.each([
  { what: "a command", command: "migrate 0", problem: /^the command "migrate 0" is not one/ },
  { what: "a slot", command: "del 0 9", problem: "there is no slot 0 9" },
  { what: "a vCPU", command: "touch 3 0x0 r", problem: "there is no vCPU 3" },
])("$what that is not known is refused in one sentence", ({ command, problem }) => {
  expect(() => perform(command)).toThrow(RecordingError);
  expect(() => perform(command)).toThrow(problem);
});
