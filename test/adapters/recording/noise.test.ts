import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { layer } from "../../../src/conformance/profiles.ts";
import type { Composition } from "../../../src/reference/compose.ts";
import { followed, recordingText } from "../../support/followed.ts";

/**
 * Whatever else a kernel does while a program drives it, the verdict on the recording of the
 * program is the same.
 */

const line = (task: string, text: string): string =>
  `  ${task.padStart(14)}   [001] d..1     9.123456: ${text}`;

/** What the program's own task may do that nobody compares. */
const OWN = [
  "kvm_fpu: load",
  "kvm_entry: vcpu 0",
  "kvm_exit: reason npf rip 0x1000 info 100000014 1000",
  "sched_switch: prev_comm=drive prev_pid=160 ==> next_comm=swapper/1 next_pid=0",
  "sys_ioctl(fd: 4, cmd: ae80, arg: 0)",
  "sys_ioctl -> 0x0",
  "kvm_vcpu_ioctl <-ksys_ioctl",
  "<stack trace>",
  "k_kvm_put_guest_fpu: (kvm_put_guest_fpu+0x0/0x60 [kvm])",
  "slotflush_ret: (kvm_page_track_flush_slot+0x5f/0x90 <- f)",
  "tracing_mark_write: a note of somebody's",
];

/** What other tasks may do: the same to VMs of their own, and whatever else. */
const others = (texts: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom("<idle>-0", "<...>-4711", "CPU 0/KVM-900", "kworker/1:2-77"),
      fc.oneof(
        fc.constantFrom(...texts),
        fc.constantFrom(
          "sched_switch: prev_comm=a prev_pid=1 ==> next_comm=b next_pid=2",
          "commit: (kvm_mmu_commit_zap_page+0x0/0x60)",
          "kmfree: (kvm_mmu_free_page+0x0/0x60)",
          "kvm_mmu_get_page: sp gfn 7 l2 q0 direct wux !nxe ad root 0 sync new",
          "kvm_mmu_get_page: in words that nobody knows",
          "kvm_page_fault: address 123000 error_code 4",
          "tracing_mark_write: PROGRAM end",
        ),
      ),
    )
    .map(([task, text]) => line(task, text));

const EVENT = /^ *\S.*?-(\d+) +\[\d+\].*? \d+\.\d+: (.*)$/;

/** What is found out of a text, with the text of the line instead of its number. */
function found(lines: readonly string[], composition: Composition): object {
  const { read, replay } = followed(lines.join("\n"), composition);
  const { setup, isWhole, shows, foreign } = read;
  const { divergence, notReplayable, matched } = replay!;
  return {
    setup: { name: setup!.name, paging: setup!.paging, task: setup!.task },
    ...{ isWhole, shows, foreign: foreign.count, matched, notReplayable },
    // A call of a function that nobody compares may come between.
    divergence: divergence && {
      ...{ ...divergence, line: lines[divergence.line - 1], within: null, function: null },
    },
  };
}

describe.each([
  { name: "11/D", composition: layer(11, "merged"), agrees: true },
  { name: "00/I1-npt0", composition: layer(0, "merged"), agrees: true },
  { name: "27/E", composition: layer(27, "merged"), agrees: true },
  { name: "11/D", composition: layer(10, "merged"), agrees: false },
])("$name, in which the reference $agrees agrees", ({ name, composition, agrees }) => {
  const lines = recordingText(name).trimEnd().split("\n");
  const events = lines.flatMap((each) => {
    const match = EVENT.exec(each);
    return match === null ? [] : [{ task: Number(match[1]), text: match[2]! }];
  });
  // Another program's markers would be another recording.
  const texts = events.map(({ text }) => text).filter((text) => !text.includes("_mark_write"));
  const { task } = events[0]!;
  const plain = found(lines, composition);

  test("says the same among any other events", () => {
    expect(plain).toMatchObject({ notReplayable: null, isWhole: true, foreign: 0 });
    expect("divergence" in plain && plain.divergence === null).toBe(agrees);
    const own = fc.constantFrom(...OWN).map((text) => line(`drive-${task}`, text));
    const noise = fc.oneof(own, others(texts));
    const anywhere = fc.nat({ max: lines.length });
    check(fc.array(fc.tuple(anywhere, noise), { maxLength: 60 }), 20, (inserted) => {
      const sorted = inserted.toSorted(([a], [b]) => b - a);
      const noisy = sorted.reduce((all, [at, text]) => all.toSpliced(at, 0, text), lines);
      expect(found(noisy, composition)).toEqual(plain);
    });
  });

  test("says the same with each kind of event after each line", () => {
    const each = [
      line("<idle>-0", "sched_switch: prev_comm=a ==> next_comm=b"),
      ...OWN.map((text) => line(`drive-${task}`, text)),
      " => kvm_vcpu_ioctl",
      line("CPU 0/KVM-900", "commit: (kvm_mmu_commit_zap_page+0x0/0x60)"),
    ];
    const noisy = lines.flatMap((text) => (text.startsWith("#") ? [text] : [text, ...each]));
    expect(found(noisy, composition)).toEqual(plain);
  });
});
