import { expect, test } from "vitest";
import { kmc } from "../../support/kmc.ts";
import { describeWith } from "../../support/needs.ts";

const NAMES_NPT = "p21.direct.youngest-page-first";

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "a kernel with shadow paging only", () => {
  test("is not asked what a case names nested paging for", async () => {
    const args = ["--npt", "0", "-j", "1", "--patches", "1-8,21", "--case", NAMES_NPT];
    const { code, out } = await kmc("kernel", ...args);
    expect(out).toContain("not assessed for want of  machine:paging=npt (1 case)");
    expect(code).toBe(3);
  }, 300_000);
});
