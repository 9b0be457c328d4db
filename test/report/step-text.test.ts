import { expect, test } from "vitest";
import { stepText } from "../../src/report/step-text.ts";
import type { Step } from "../../src/scenario/case.generated.ts";
import { stepRecord } from "../support/records.ts";

const read: Step = { do: "access", vcpu: 0, gpa: "0x5000" };

test("a step is its name and fields, and what it returned", () => {
  const returned = stepRecord({ outcome: "mapped", hva: "0x10005000" });
  expect(stepText(read, returned)).toBe(
    "access vcpu 0, gpa 0x5000 → outcome mapped, hva 0x10005000",
  );
  expect(stepText(read, null)).toBe("access vcpu 0, gpa 0x5000");
  expect(stepText({ do: "create_vcpu" }, stepRecord({ vcpu: 1 }))).toBe("create_vcpu → vcpu 1");
  expect(stepText({ do: "flush_shadow_all" }, stepRecord())).toBe("flush_shadow_all");
});

test("neither its note nor what it expects, nor what is not one value", () => {
  const step: Step = { ...read, note: "Look!", expect: { outcome: "hit" } };
  expect(stepText(step, null)).toBe("access vcpu 0, gpa 0x5000");
  const odd = stepRecord({ list: [1, 2], inner: { a: 1 }, nothing: null, gpa: "0x0" });
  expect(stepText({ do: "destroy_vm" }, odd)).toBe("destroy_vm → gpa 0x0");
});

test("a list is shown as it is written", () => {
  expect(stepText({ do: "contend", who: "cpu", when: [1, 3] }, null)).toBe(
    "contend who cpu, when [1, 3]",
  );
});

test("a look inside does not spread out all that it saw", () => {
  expect(stepText({ do: "snapshot" }, stepRecord({ kind: "none" }))).toBe("snapshot");
  expect(stepText({ do: "facts" }, stepRecord({ hook_argument: "memslots" }))).toBe("facts");
});

test("a repetition is what is repeated, not what each time returned", () => {
  const step: Step = { do: "repeat", times: 3, steps: [read, { do: "shrink" }] };
  expect(stepText(step, stepRecord({ freed: 1 }))).toBe(
    "3 times: access vcpu 0, gpa 0x5000; shrink",
  );
});

test("threads are what each did, and the order in which they ran", () => {
  const step: Step = {
    do: "threads",
    threads: {
      userspace: [{ do: "repeat", times: 2, steps: [{ do: "shrink" }] }, { do: "destroy_vm" }],
      guest: [read],
    },
    schedule: [{ run: "guest", until: "mmu_lock.acquire" }, { run: "userspace" }],
  };
  const observed = {
    ...stepRecord(),
    threads: {
      userspace: [stepRecord({ freed: 1 }), stepRecord({ freed: 2 }), stepRecord({ gone: true })],
      guest: [stepRecord({ outcome: "hit" })],
    },
    stops: [
      { run: "guest", at: "mmu_lock.acquire", reached: true },
      { run: "userspace", at: "end", reached: true },
    ],
  };
  expect(stepText(step, observed)).toBe(
    "threads: userspace: 2 times: shrink; destroy_vm → gone true" +
      " | guest: access vcpu 0, gpa 0x5000 → outcome hit" +
      "; order: guest to mmu_lock.acquire, userspace to end",
  );
  expect(stepText(step, null)).toBe(
    "threads: userspace: 2 times: shrink; destroy_vm | guest: access vcpu 0, gpa 0x5000",
  );
});
