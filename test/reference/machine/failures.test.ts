import { expect, test } from "vitest";
import { KernelBug, ModelBug } from "../../../src/reference/machine/failures.ts";

test.each([
  [KernelBug, "KernelBug"],
  [ModelBug, "ModelBug"],
])("%o is an error of its own kind that says so", (Failure, name) => {
  const failure = new Failure("what happened");
  expect(failure).toBeInstanceOf(Error);
  expect(`${failure.name}: ${failure.message}`).toBe(`${name}: what happened`);
});

test("a bug of the modelled kernel and one of the model are told apart", () => {
  expect(new KernelBug("x")).not.toBeInstanceOf(ModelBug);
  expect(new ModelBug("x")).not.toBeInstanceOf(KernelBug);
});
