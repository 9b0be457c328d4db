import { describe, expect, test } from "vitest";
import { readFtrace } from "../../../src/adapters/recording/ftrace.ts";

const only = (line: string) => readFtrace(line).lines[0];

describe("a line of ftrace text is read in each of its forms", () => {
  test.each([
    { form: "four flags", line: "   drive-155   [000] ....     7.579983: commit: (f+0x0/0x1)" },
    { form: "five flags", line: "   drive-155   [001] .....    7.579983: commit: (f+0x0/0x1)" },
    {
      form: "flags that are set",
      line: "   drive-155   [000] d..1  7.579983: commit: (f+0x0/0x1)",
    },
    { form: "no flags", line: "   drive-155   [000]   7.579983: commit: (f+0x0/0x1)" },
    { form: "a thread group", line: " drive-155   (  155) [000] .... 7.5: commit: (f+0x0/0x1)" },
    {
      form: "an unknown group",
      line: " drive-155   (-------) [000] .... 7.5: commit: (f+0x0/0x1)",
    },
    {
      form: "a task named with a dash",
      line: " vcpu-0-main-155 [000] .... 7.5: commit: (f+0x0/0x1)",
    },
    {
      form: "a task named with a space",
      line: " CPU 0/KVM-155 [000] .... 7.5: commit: (f+0x0/0x1)",
    },
    { form: "a function of a module", line: "drive-1 [000] .... 7.5: commit: (f+0x0/0x1 [kvm])" },
    { form: "a line end of Windows", line: "drive-1 [000] .... 7.5: commit: (f+0x0/0x1)\r" },
  ])("$form", ({ line }) => {
    expect(only(line)).toEqual({ line: 1, event: "commit", text: "" });
  });
});

test("of a probe the place is left out, its arguments stay", () => {
  const line = "drive-1 [000] .... 7.5: updated: (kvm_arch_memslots_updated+0x0/0x10) newgen=-146";
  expect(only(line)?.text).toBe("newgen=-146");
});

test("of a tracepoint everything stays", () => {
  const text = "sptep:(____ptrval____) gfn 700 access 6 gen a";
  expect(only(`drive-1 [000] .... 7.5: mark_mmio_spte: ${text}`)?.text).toBe(text);
});

test("lines are numbered as in the file; comments and empty lines are nothing, others foreign", () => {
  const text = [
    "# tracer: nop",
    "",
    "   drive-155   [000] ....     7.5: commit: (f+0x0/0x1)",
    "CPU:0 [LOST 12 EVENTS]",
    "[    1.0] kvm: hello",
    "   drive-155   [000] ....     7.6: kmfree: (f+0x0/0x1)",
    "\r",
  ].join("\n");
  const { lines, foreign } = readFtrace(text);
  expect(lines.map(({ line, event }) => [line, event])).toEqual([
    [3, "commit"],
    [6, "kmfree"],
  ]);
  expect(foreign).toBe(2);
});
