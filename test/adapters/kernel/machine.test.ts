import { expect, test } from "vitest";
import { readGuestFile } from "../../../src/adapters/kernel/control/guest-file.ts";
import { Symbols } from "../../../src/adapters/kernel/control/symbols.ts";
import { guestProgram } from "../../../src/adapters/kernel/guest-program.ts";
import { initramfs } from "../../../src/adapters/kernel/initramfs.ts";
import { debianKernel } from "../../../src/adapters/kernel/kernel-files.ts";
import { boot, troubleIn } from "../../../src/adapters/kernel/machine.ts";
import { describeWith } from "../../support/needs.ts";

/** Boots Debian's kernel with more arguments; what it prints is kept. */
const booted = (append: string, console: string[] = []) => {
  const files = debianKernel();
  const archive = initramfs(guestProgram(), files);
  const onConsole = (line: string): void => void console.push(line);
  return boot({ image: files.image, initramfs: archive, append, onConsole });
};

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "a machine", () => {
  test("whose kernel does not come up says why", async () => {
    const message = /^the kernel does not come up: Kernel panic - not syncing: VFS/;
    await expect(booted("rdinit=/nothing")).rejects.toThrow(message);
  }, 300_000);

  test("whose kernel panics later is over, and has said why", async () => {
    const console: string[] = [];
    const { link, over, end } = await booted("", console);
    void link.ask("put", "/proc/sysrq-trigger", "c");
    expect(await over).toBe("Kernel panic - not syncing: sysrq triggered crash");
    expect(console.join("\n")).toContain("Call Trace");
    end();
  }, 300_000);

  test("answers, is led from outside, and is over at once when its kernel says that it is broken", async () => {
    const machine = await booted("");
    const { link, over, end } = machine;
    const stub = machine.stub!;
    const { lines } = await link.ask("show", "/proc/sys/kernel/osrelease", "");
    expect(lines).toEqual([expect.stringMatching(/^6\.1\./)]);
    await expect(link.ask("show", "/nowhere", "")).rejects.toThrow(
      "show /nowhere: No such file or directory (errno 2)",
    );
    await expect(link.ask("dance")).rejects.toThrow("dance: there is no command dance");
    const [cpu] = stub.threads;
    const kallsyms = await readGuestFile(link, stub, "/proc/kallsyms");
    const opens = new Symbols(kallsyms.toString("latin1").split("\n")).address("do_sys_openat2");
    await stub.interrupt();
    await stub.insert("execution", opens);
    stub.resume();
    const shown = link.ask("show", "/proc/sys/kernel/osrelease", "");
    expect(await stub.stopped()).toMatchObject({ thread: cpu, signal: 5 });
    expect(await stub.readRegister(cpu!, "rip")).toBe(opens);
    // A file of no name: the system call ends at once, with what the caller of none is told.
    const stack = await stub.readRegister(cpu!, "rsp");
    const back = await stub.readWord(cpu!, stack);
    await stub.remove("execution", opens);
    await stub.writeRegister(cpu!, "rax", -2n & 0xffff_ffff_ffff_ffffn);
    await stub.writeRegister(cpu!, "rsp", stack + 8n);
    await stub.writeRegister(cpu!, "rip", back);
    stub.resume();
    await expect(shown).rejects.toThrow("No such file or directory");
    const oops = "BUG: kernel NULL pointer dereference, address: 0000000000000008";
    // A line without an end is printed when the next one comes.
    for (const text of [oops, "Oops: 0000 [#1] SMP"]) {
      await link.ask("put", "/dev/kmsg", `<1>${text}`);
    }
    expect(await over).toBe(oops);
    end();
  }, 300_000);
});

test.each([
  [
    "[    9.1] BUG: unable to handle kernel NULL pointer dereference at 0000000000000008",
    "BUG: un",
  ],
  ["BUG: KASAN: slab-out-of-bounds in rmap_get_first+0x1b/0x50 [kvm]", "BUG: KASAN: slab-out"],
  ["watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:1]", "BUG: soft lockup - CPU#0"],
  ["NMI watchdog: Watchdog detected hard LOCKUP on cpu 0", "Watchdog detected hard LOCKUP"],
  ["[    9.1] kernel BUG at arch/x86/kvm/mmu.c:1042!", "kernel BUG at arch/x86/kvm/mmu.c:1042!"],
  ["Oops: 0000 [#1] SMP PTI", "Oops: 0000 [#1] SMP PTI"],
  ["general protection fault: 0000 [#1] SMP", "general protection fault: 0000 [#1] SMP"],
  ["traps: PANIC: double fault: 0000 [#1] SMP", "double fault: 0000"],
  ["Kernel panic - not syncing: Fatal exception", "Kernel panic - not syncing: Fatal exception"],
])("a line of a broken kernel: %s", (line, begin) => {
  expect(troubleIn(line)).toContain(begin);
  expect(line.endsWith(troubleIn(line)!)).toBe(true);
});

test.each([
  // What E6 leaks is told as the module goes; it is no oops.
  "BUG mmu_page_header (Not tainted): Objects remaining in mmu_page_header on shutdown",
  "WARNING: CPU: 0 PID: 1 at arch/x86/kvm/mmu.c:1042 kvm_mmu_zap_all+0x1/0x2 [kvm]",
  "kvm: debug: no oops",
])("a line of one that goes on: %s", (line) => {
  expect(troubleIn(line)).toBe(null);
});
