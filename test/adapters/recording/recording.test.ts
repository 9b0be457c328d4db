import { describe, expect, test } from "vitest";
import { readRecording } from "../../../src/adapters/recording/recording.ts";
import { command, ftraceText, PLACE } from "../../support/ftrace-text.ts";

/** What is observed of these events in one command. */
function observed(...events: string[]): string[] {
  const { commands } = readRecording(ftraceText(...command(2, "touch 0 0x0 r", "", events)));
  return commands[0]!.observations.map(({ text }) => text);
}

describe("commands", () => {
  test("are what lies between their markers, with what the driver said at the end", () => {
    const { commands, foreign } = readRecording(
      ftraceText(
        ...command(2, "mem M 0x100000 0xA1000000"),
        ...command(3, "touch 0 0x5000 r", "val a1000005", [`flush_remote: ${PLACE}`]),
      ),
    );
    expect(commands).toEqual([
      { line: 1, text: "mem M 0x100000 0xA1000000", answer: "", observations: [] },
      {
        line: 3,
        text: "touch 0 0x5000 r",
        answer: "val a1000005",
        observations: [{ line: 4, text: "kvm_flush_remote_tlbs" }],
      },
    ]);
    expect(foreign).toBe(0);
  });

  test("do not own what happens before, between and after them", () => {
    const flush = `flush_remote: ${PLACE}`;
    const { commands } = readRecording(
      ftraceText(flush, ...command(2, "vm"), flush, ...command(3, "close"), flush),
    );
    expect(commands.map(({ observations }) => observations)).toEqual([[], []]);
  });

  test("have no answer when the recording ends before they do, but what was seen until then", () => {
    const events = [`flush_remote: ${PLACE}`];
    const { commands } = readRecording(ftraceText(...command(2, "touch 0 0x0 r", null, events)));
    expect(commands).toEqual([
      {
        line: 1,
        text: "touch 0 0x0 r",
        answer: null,
        observations: [{ line: 2, text: "kvm_flush_remote_tlbs" }],
      },
    ]);
  });

  test("may fail: the answer is what follows the code", () => {
    const text = ftraceText("tracing_mark_write: CMD 2 vm", "tracing_mark_write: END 2 rc -22 no");
    expect(readRecording(text).commands[0]?.answer).toBe("no");
  });

  test("lines of another form are counted", () => {
    const text = `${ftraceText(...command(2, "vm"))}CPU:1 [LOST 3 EVENTS]\n`;
    expect(readRecording(text).foreign).toBe(1);
  });
});

describe("observations", () => {
  test("are in the words of the model", () => {
    expect(
      observed(
        "kvm_mmu_get_page: sp gfn 0 l4 q0 direct wux !nxe ad root 0 sync new",
        "kvm_mmu_unsync_page: sp gfn 1",
        "kvm_mmu_sync_page: sp gfn 2",
        "kvm_mmu_prepare_zap_page: sp gfn 3",
        "mark_mmio_spte: sptep:(____ptrval____) gfn 700 access 6 gen a",
        "check_mmio_spte: spte 7ff kvm_gen a spte-gen a valid 1",
        "handle_mmio_page_fault: addr:700000 gfn 700 access 6",
        "kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen 1 used_pages 5",
        `reload_remote: ${PLACE}`,
        `lockbreak: ${PLACE}`,
      ),
    ).toEqual([
      "kvm_mmu_get_page: sp gfn 0 l4 q0 direct wux !nxe ad root 0 sync new",
      "kvm_mmu_unsync_page: sp gfn 1",
      "kvm_mmu_sync_page: sp gfn 2",
      "kvm_mmu_prepare_zap_page: sp gfn 3",
      "mark_mmio_spte: gfn 700 access 6 gen a",
      "check_mmio_spte: spte 7ff kvm_gen a spte-gen a valid 1",
      "handle_mmio_page_fault: addr:700000 gfn 700 access 6",
      "kvm_mmu_invalidate_zap_all_pages: kvm-mmu-valid-gen 1 used_pages 5",
      "kvm_reload_remote_mmus",
      "lock dropped",
    ]);
  });

  test("of what the model does not speak of, there are none", () => {
    expect(observed("kvm_exit: reason NPF", `tlb_local: ${PLACE}`, "kvm_mmio: mmio read")).toEqual(
      [],
    );
  });

  test.each([
    { printed: "unsigned hexadecimal", text: "newgen=0x8000000000000002 as0=0xa as1=0x1" },
    { printed: "signed decimal", text: "newgen=-9223372036854775806 as0=10 as1=1" },
    { printed: "signed hexadecimal", text: "newgen=-0x7ffffffffffffffe as0=0xa as1=0x01" },
  ])("generations printed as $printed come as unsigned hexadecimal", ({ text }) => {
    expect(observed(`updated: ${PLACE} ${text}`)).toEqual([
      "kvm_arch_memslots_updated: newgen=8000000000000002 as0=a as1=1",
    ]);
  });

  test("a free belongs to the commit before it, whatever flushes and exits lie between", () => {
    expect(
      observed(
        `commit: ${PLACE}`,
        `flush_remote: ${PLACE}`,
        "kvm_exit: reason NPF",
        `kmfree: ${PLACE}`,
        `kmfree: ${PLACE}`,
      ),
    ).toEqual([
      "kvm_mmu_commit_zap_page",
      "kvm_flush_remote_tlbs",
      "kvm_mmu_free_page",
      "kvm_mmu_free_page",
    ]);
  });

  test("a free without a commit, or after something else, is of a spare page and left out", () => {
    expect(
      observed(
        `kmfree: ${PLACE}`,
        `commit: ${PLACE}`,
        "kvm_mmu_get_page: sp gfn 0",
        `kmfree: ${PLACE}`,
      ),
    ).toEqual(["kvm_mmu_commit_zap_page", "kvm_mmu_get_page: sp gfn 0"]);
  });
});
