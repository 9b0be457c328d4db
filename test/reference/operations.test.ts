import { expect, test } from "vitest";
import { ModelBug } from "../../src/reference/machine/failures.ts";
import { absent, isAbsent } from "../../src/reference/operations.ts";

test("a placeholder is told from operations, and says what it stands for when it is called", () => {
  const placeholder: unknown = absent("kvm_mmu_zap_all", "patch 99 removes it");
  expect(isAbsent(placeholder)).toBe(true);
  expect(placeholder).toThrow(new ModelBug("kvm_mmu_zap_all was called, but patch 99 removes it"));
});

test.each([() => undefined, 0, 1n, undefined, [], {}])("%s is no placeholder", (operation) => {
  expect(isAbsent(operation)).toBe(false);
});
