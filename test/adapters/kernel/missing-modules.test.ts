import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { fakeMachine } from "../../support/fake-machine.ts";
import { describeWith } from "../../support/needs.ts";

describeWith("cc", "a kernel that has no KVM built in", () => {
  test("needs the folder of its modules, and says so", () => {
    const { image, environment } = fakeMachine("! No such file or directory (errno 2)");
    const words = ["bin/kmc.js", "kernel", "--image", image, "-j", "1"];
    const { status, stderr } = spawnSync(process.execPath, words, {
      ...{ env: environment, encoding: "utf8" },
    });
    expect(stderr).toContain("name their folder by --modules");
    expect(status).toBe(2);
  });
});
