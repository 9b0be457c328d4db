import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kernelFiles } from "../../../src/adapters/kernel/kernel-files.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

test("modules are found where make modules_install puts them, whose link build is not followed", () => {
  const tree = temporaryFolder();
  const image = join(tree, "bzImage");
  writeFileSync(image, Buffer.from("HdrS".padStart(0x206, "\0"), "latin1"));
  const modules = join(tree, "mods/lib/modules/6.1.192");
  const kvm = join(modules, "kernel/arch/x86/kvm");
  mkdirSync(kvm, { recursive: true });
  for (const name of ["kvm-amd.ko", "kvm.ko"]) writeFileSync(join(kvm, name), "");
  symlinkSync(tree, join(modules, "build"));
  symlinkSync(tree, join(modules, "source"));
  expect(kernelFiles(image, modules)).toEqual({
    image,
    modules: [join(kvm, "kvm.ko"), join(kvm, "kvm-amd.ko")],
  });
});
