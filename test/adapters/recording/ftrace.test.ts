import { describe, expect, test } from "vitest";
import { parseFtrace } from "../../../src/adapters/recording/ftrace.ts";

describe("a line of ftrace text is read in each of its forms", () => {
  test.each([
    { form: "four flags", line: "   drive-155   [000] ....     7.579983: commit: (f+0x0/0x1)" },
    { form: "five flags", line: "   drive-155   [001] .....    7.579983: commit: (f+0x0/0x1)" },
    {
      form: "flags that are set",
      line: "   drive-155   [000] d..1  7.579983: commit: (f+0x0/0x1)",
    },
    { form: "no flags", line: "   drive-155   [000]   7.579983: commit:    (f+0x0/0x1)" },
    {
      form: "a thread group",
      line: " drive-155   (  155) [000] .... 7.579983: commit: (f+0x0/0x1)",
    },
    {
      form: "an unknown group",
      line: " drive-155   (-------) [000] .... 7.579983: commit: (f+0x0/0x1)",
    },
    {
      form: "a task named with a dash",
      line: " vcpu-0-main-155 [000] .... 7.579983: commit: (f+0x0/0x1)",
    },
    {
      form: "a task named with a space",
      line: " CPU 0/KVM-155 [000] .... 7.579983: commit: (f+0x0/0x1)",
    },
    {
      form: "a function of a module",
      line: "drive-155 [000] .... 7.579983: commit: (f+0x0/0x1 [kvm])",
    },
    {
      form: "a line end of Windows",
      line: "drive-155 [000] .... 7.579983: commit: (f+0x0/0x1)\r",
    },
  ])("$form", ({ line }) => {
    expect(parseFtrace(line)).toEqual({
      ...{ task: 155, time: 7.579983, event: "commit", text: "", place: "f" },
    });
  });
});

const event = (text: string) => parseFtrace(`drive-1 [000] .... 7.5: ${text}`);

test("of a probe the place is told apart, its arguments stay", () => {
  expect(event("updated: (kvm_arch_memslots_updated+0x0/0x10) newgen=-146")).toMatchObject({
    ...{ text: "newgen=-146", place: "kvm_arch_memslots_updated" },
  });
});

test("of a probe by address, or on return, no function is known", () => {
  expect(event("k_f: (ffffffffc05a3c80)")).toMatchObject({ text: "", place: null });
  expect(event("f_ret: (caller+0x29/0x60 <- f) a=1")).toMatchObject({ text: "a=1", place: null });
});

test("of a tracepoint everything stays", () => {
  const text = "sptep:(____ptrval____) gfn 700 access 6 gen a";
  expect(event(`mark_mmio_spte: ${text}`)).toMatchObject({ text, place: null });
});

test.each([
  "# tracer: nop",
  "",
  "   ",
  "\r",
  "version = 6",
  "cpus=2",
  "CPU 1 is empty",
  "trace-cmd: No such file or directory",
])("a comment, or what trace-cmd begins with: %j", (line) => {
  expect(parseFtrace(line)).toEqual({ comment: true });
});

test("the header tells how many events there are, and how many there were", () => {
  expect(parseFtrace("# entries-in-buffer/entries-written: 205/6846   #P:2")).toEqual({
    ...{ comment: true, events: 205, written: 6846 },
  });
});

test.each([
  { line: "CPU:0 [LOST 12 EVENTS]", lost: 12 },
  { line: "CPU:7 [204600 EVENTS DROPPED]", lost: 204600 },
  { line: "CPU:1 [EVENTS DROPPED]", lost: null },
])("events that were lost: $line", ({ line, lost }) => {
  expect(parseFtrace(line)).toEqual({ lost });
});

test.each([
  "[    1.0] kvm: hello",
  "drive-155 [000] .... 7.5",
  "drive-155 [000] .... 7.5: no event here",
  "... 371155 characters left out ...",
  "\u0000\u0001\u0002",
])("what is none of a trace: %j", (line) => {
  expect(parseFtrace(line)).toBeNull();
});
