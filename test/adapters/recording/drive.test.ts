import { beforeEach, describe, expect, test } from "vitest";
import { Drive } from "../../../src/adapters/recording/drive.ts";
import { NotReplayable } from "../../../src/adapters/recording/program.ts";
import { Vm } from "../../../src/adapters/recording/vm.ts";
import { composeThrough } from "../../../src/reference/compose.ts";

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

let vm: Vm;
let drive: Drive;
beforeEach(() => {
  vm = new Vm(composeThrough(27), "shadow");
  drive = new Drive(vm);
});

const answers = (...commands: string[]) => commands.map((command) => drive.perform(command));
/** Performs commands and gives what the last one says at its end. */
const perform = (...commands: string[]) => answers(...commands).at(-1)!.text;

const faults = (): number => vm.kvm.counters.faults;

describe("a guest without page tables of its own", () => {
  beforeEach(() => {
    perform(...SETUP, "vcpu 0 pm32");
  });

  test("reads what the memory was filled with: one more with each page", () => {
    expect(perform("touch 0 0x0 r")).toBe("val a1000000");
    expect(perform("touch 0 0x5000 r")).toBe("val a1000005");
  });

  test("reads and writes 1, 4 or 8 bytes", () => {
    expect(perform("touch8 0 0x5000 r")).toBe("val 5");
    expect(perform("touch64 0 0x5000 w 0x1122334455667788", "touch64 0 0x5000 r")).toBe(
      "val 1122334455667788",
    );
    expect(perform("touch 0 0x5000 r")).toBe("val 55667788");
  });

  test("reads back what it wrote; a write has no answer", () => {
    expect(perform("touch 0 0x5000 w")).toBe("");
    expect(perform("touch 0 0x5000 r")).toBe("val 77");
  });

  test("leaves with MMIO where there is no memory", () => {
    expect(perform("touch 0 0x700000 r")).toBe("val 5a5a5a5a mmio-r@700000/4");
    expect(perform("touch64 0 0x700000 r")).toBe("val 5a5a5a5a5a5a5a5a mmio-r@700000/8");
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

  test("reaches a slot where it was moved to", () => {
    perform("move 0 1 0x1000000");
    expect(perform("touch 0 0x1005000 r")).toBe("val a1000005");
    expect(perform("touch 0 0x5000 r")).toContain("mmio");
  });

  test("touches many pages, and counts where memory is and where not", () => {
    expect(perform("touches 0 0xe000 0x1000 4 r")).toBe("ram 2 mmio 2");
    expect(perform("touches 0 0xe000 0x1000 3 w")).toBe("ram 2 mmio 1");
  });

  test("reaches memory that lies behind the start of what was allocated", () => {
    expect(perform("slot 0 7 0x1000000 0x1000 0 M+0x3000", "touch 0 0x1000000 r")).toBe(
      "val a1000003",
    );
  });

  test("reaches a slot that was made by the number that the kernel gives it", () => {
    expect(perform("raw 7 0 0x1000000 0x1000 M+0x4000", "touch 0 0x1000000 r")).toBe(
      "val a1000004",
    );
  });
});

test("a guest in long mode reaches memory through the tables that were mapped for it", () => {
  perform(...SETUP, "ptinit 0x20000000 T", "map 0xc0000000 0xc0000000 0x1000");
  perform("map 0x8000000000 0x3000 0x2000", "vcpu 0 long");
  expect(perform("touch 0 0x8000000000 r")).toBe("val a1000003");
  expect(perform("touch 0 0x8000001000 r")).toBe("val a1000004");
});

const flags = () => vm.kvm.memslots[0]!.slots.find(({ id }) => id === 1)!.flags;

test("toggling dirty logging changes the slot's flag to and fro, as often as is said", () => {
  perform(...SETUP, "toggle 0 1");
  expect(flags()).toBe(1);
  perform("toggle 0 1");
  expect(flags()).toBe(0);
  perform("toggles 0 1 3");
  expect(flags()).toBe(1);
  perform("flags 0 1 0");
  expect(flags()).toBe(0);
});

test("closing ends the VM: no page is left", () => {
  perform(...SETUP, "vcpu 0 pm32", "touch 0 0x0 r", "close");
  expect(vm.kvm.n_used_mmu_pages).toBe(0);
});

test("marks and questions of the driver do nothing", () => {
  for (const command of ["vm", "mark all mapped", "ptwhere 0x30000000"]) perform(command);
  expect(vm.takeHappened()).toEqual([]);
});

test.each([
  { command: "slot 0 8 0x0 0x1000 0 M", rc: 17, what: "overlaps another" },
  { command: "slot 0 8 0x1000000 0x1234 0 M", rc: 22, what: "is not aligned" },
  { command: "raw 7 9 0x1000000 0x1000 M", rc: 22, what: "has unknown flags" },
])("a region call that $what fails, and the slots stay as they are", ({ command, rc }) => {
  perform(...SETUP);
  const before = vm.kvm.memslots[0];
  expect(drive.perform(command)).toEqual({ rc, text: null });
  expect(vm.kvm.memslots[0]).toBe(before);
  expect(() => drive.perform("del 0 8")).toThrow(NotReplayable);
});

test.each([
  { what: "a command", command: "migrate 0", problem: 'the command "migrate 0"' },
  { what: "a slot", command: "del 0 9", problem: "there is no slot 0 9" },
  { what: "host memory", command: "slot 0 9 0 0x1000 0 Z", problem: 'no host memory "Z"' },
  { what: "a vCPU", command: "touch 3 0x0 r", problem: "there is no vCPU 3" },
  { what: "a vCPU before it", command: "vcpu 1 pm32", problem: "vCPU 1 is not the next" },
  { what: "a number", command: "touch 0 x r", problem: "no number where touch takes one" },
])("$what that is not known cannot be followed", ({ command, problem }) => {
  expect(() => drive.perform(command)).toThrow(NotReplayable);
  expect(() => drive.perform(command)).toThrow(problem);
});

describe("markers", () => {
  const done = (marker: string): void => {
    drive.marker(marker);
    while (drive.proceed());
  };

  test("begin and end a command, with what it says on both sides", () => {
    perform(...SETUP, "vcpu 0 pm32");
    expect(drive.marker("CMD 21 touch 0 0x5000 r")).toEqual({
      ...{ ends: true, begins: "touch 0 0x5000 r" },
    });
    expect(drive.proceed()).toBe(true);
    expect(drive.proceed()).toBe(false);
    expect(drive.marker("END 21 rc 0 val a1000006")).toEqual({
      ends: true,
      answer: { kernel: "rc 0 val a1000006", model: "rc 0 val a1000005" },
    });
  });

  test("tell an error, and of some commands nothing else", () => {
    done("CMD 1 vm");
    expect(drive.marker("END 1 rc 0 multi_as 2 smm 1")).toMatchObject({
      answer: { kernel: "rc 0", model: "rc 0" },
    });
    done("CMD 2 mem M 0x10000 0");
    done("CMD 3 slot 0 8 0x1000000 0x1234 0 M");
    expect(drive.marker("END 3 rc 0 ")).toMatchObject({
      answer: { kernel: "rc 0", model: "rc 22" },
    });
  });

  test("let a long command be done part by part", () => {
    perform(...SETUP, "vcpu 0 pm32");
    vm.takeHappened();
    for (const command of ["toggles 0 1 3", "touches 0 0 0x1000 3 r"]) {
      drive.marker(`CMD 20 ${command}`);
      for (let i = 0; i < 3; i++) {
        expect(drive.proceed()).toBe(true);
        const happened = vm.takeHappened();
        expect(happened.filter(({ kind }) => kind === "hook")).toHaveLength(
          command.startsWith("toggles") ? 1 : 0,
        );
        expect(happened.length).toBeLessThan(40);
      }
      expect(drive.proceed()).toBe(true);
      expect(drive.proceed()).toBe(false);
      expect(vm.takeHappened()).toEqual([]);
    }
  });

  test("of others say nothing", () => {
    expect(drive.marker("VIOLATION vcpu 0")).toEqual({});
    expect(drive.unprompted()).toBeNull();
  });
});
