import { expect, test } from "vitest";
import { guestProgram } from "../../../src/adapters/kernel/guest-program.ts";
import { initramfs } from "../../../src/adapters/kernel/initramfs.ts";
import { debianKernel } from "../../../src/adapters/kernel/kernel-files.ts";
import { boot } from "../../../src/adapters/kernel/machine.ts";
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

  test("answers what it is asked, and says what it cannot do", async () => {
    const { link, end } = await booted("");
    const { lines } = await link.ask("show", "/proc/sys/kernel/osrelease", "");
    expect(lines).toEqual([expect.stringMatching(/^6\.1\./)]);
    await expect(link.ask("show", "/nowhere", "")).rejects.toThrow(
      "show /nowhere: No such file or directory (errno 2)",
    );
    await expect(link.ask("dance")).rejects.toThrow("dance: there is no command dance");
    end();
  }, 300_000);
});
