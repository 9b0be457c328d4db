import { describe, expect, test } from "vitest";
import { RecordingError } from "../../../src/adapters/recording/driver.ts";
import type { RecordedCommand, Recording } from "../../../src/adapters/recording/recording.ts";
import { replay } from "../../../src/adapters/recording/replay.ts";
import { layer, optionsOf } from "../../../src/conformance/profiles.ts";
import { composeThrough } from "../../../src/reference/compose.ts";
import { KernelBug } from "../../../src/reference/machine/failures.ts";
import { modelRecording } from "../../support/model-recording.ts";

const composition = layer(27, "merged");

const recording = modelRecording(composition, "npt", [
  "mem M 0x10000 0xA1000000",
  "mem S 0x1000 0",
  "vm",
  "slot 0 1 0x0 0x10000 0 M",
  "slot 0 2 0xc0000000 0x1000 0 S",
  "stub 0xc0000000 S",
  "vcpu 0 pm32",
  "touch 0 0x5000 r",
  "del 0 1",
  "close",
]);
const { commands } = recording;

/** What comes of replaying a recording in which one command was tampered with. */
function replayed(text: string, changes: (command: RecordedCommand) => Partial<RecordedCommand>) {
  const changed: Recording = {
    commands: commands.map((each) => (each.text === text ? { ...each, ...changes(each) } : each)),
    foreign: 0,
  };
  return replay(changed, composition, "npt");
}

const commandOf = (text: string) => commands.find((each) => each.text === text)!;

test("a kernel that does what the model does is matched to the end, event for event", () => {
  const events = commands.flatMap(({ observations }) => observations);
  expect(events.length).toBeGreaterThan(20);
  expect(replay(recording, composition, "npt")).toEqual({
    divergence: null,
    matched: events.length,
  });
});

test("another layer is told from it", () => {
  expect(replay(recording, layer(10, "merged"), "npt").divergence).toMatchObject({
    command: "touch 0 0x5000 r",
  });
});

describe("the first point at which kernel and model part is reported:", () => {
  const DELETION = "del 0 1";
  const { observations } = commandOf(DELETION);
  const last = observations.at(-1)!;

  test("an event that differs, at its line", () => {
    const { divergence } = replayed(DELETION, () => ({
      observations: observations.with(1, { ...observations[1]!, text: "lock dropped" }),
    }));
    expect(divergence).toEqual({
      line: observations[1]!.line,
      command: DELETION,
      kernel: "lock dropped",
      model: observations[1]!.text,
    });
  });

  test("an event that the kernel lacks, at the line of its command", () => {
    const { divergence } = replayed(DELETION, () => ({ observations: observations.slice(0, -1) }));
    expect(divergence).toEqual({
      line: commandOf(DELETION).line,
      command: DELETION,
      kernel: "nothing more",
      model: last.text,
    });
  });

  test("an event that the model lacks, at its line", () => {
    const more = { line: last.line, text: "kvm_flush_remote_tlbs" };
    const { divergence } = replayed(DELETION, () => ({ observations: [...observations, more] }));
    expect(divergence).toEqual({
      line: last.line,
      command: DELETION,
      kernel: "kvm_flush_remote_tlbs",
      model: "nothing more",
    });
  });

  test("another value that the guest reads, at the line of its access", () => {
    const text = "touch 0 0x5000 r";
    const { divergence } = replayed(text, () => ({ answer: "val a1000006" }));
    expect(divergence).toEqual({
      line: commandOf(text).line,
      command: text,
      kernel: "the guest sees: val a1000006",
      model: "the guest sees: val a1000005",
    });
  });

  test("a command at which the model breaks down", () => {
    const broken = composeThrough(27, {
      ...optionsOf("merged"),
      overrides: [
        {
          patch: 27,
          apply: () => ({
            kvm_mmu_invalidate_zap_pages_in_memslot: () => {
              throw new KernelBug("it broke");
            },
          }),
        },
      ],
    });
    const before = commands.slice(0, 8).flatMap((each) => each.observations);
    expect(replay(recording, broken, "npt")).toEqual({
      divergence: {
        line: commandOf(DELETION).line,
        command: DELETION,
        kernel: "goes on",
        model: "KernelBug: it broke",
      },
      matched: before.length,
    });
  });
});

test("a recording that ends in the middle of a command diverges there: no kernel stops on the way", () => {
  const cut = commands.slice(0, -1);
  const { observations } = cut.at(-1)!;
  const early = [...cut.slice(0, -1), { ...cut.at(-1)!, answer: null, observations: [] }];
  const { divergence } = replay({ commands: early, foreign: 0 }, composition, "npt");
  expect(divergence).toMatchObject({ kernel: "nothing more", model: observations[0]!.text });
});

test("a recording that ends between two commands, or before what the guest saw, is matched", () => {
  expect(
    replay({ commands: commands.slice(0, 8), foreign: 0 }, composition, "npt").divergence,
  ).toBe(null);
  expect(replayed("touch 0 0x5000 r", () => ({ answer: null })).divergence).toBeNull();
});

test("a command that is not known is an error, not a divergence", () => {
  expect(() => replayed("vm", () => ({ text: "migrate 0" }))).toThrow(
    new RecordingError('the command "migrate 0" is not one that the replay knows'),
  );
});
