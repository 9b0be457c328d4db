import { expect, test } from "vitest";
import { kmc } from "../../support/kmc.ts";
import { describeWith } from "../../support/needs.ts";

/** 2^18 installs, each of which takes the generation on by two. */
const WRAP = "p08.wrap.address-space-0-at-80000";

describeWith(["qemu-system-x86_64", "cc", "apt-get"], "the generation of a live kernel", () => {
  test("wraps after 2^18 installs", async () => {
    const args = ["--deviations", "v6.1", "--long", "--case", WRAP];
    const { code, out } = await kmc("kernel", ...args);
    expect(out).toContain("1 case: 1 conform, 0 fail, 0 not assessed");
    expect(code).toBe(0);
  }, 600_000);
});
