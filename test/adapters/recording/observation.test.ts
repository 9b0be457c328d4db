import { describe, expect, test } from "vitest";
import {
  isSame,
  type Observation,
  observationText,
} from "../../../src/adapters/recording/observation.ts";

const NOTHING_LEFT_OUT = new Set<string>();
const model: Observation = {
  kind: "mark_mmio_spte",
  fields: { gfn: "d0", access: "6", gen: "4" },
};

describe("what a kernel's line tells is what the model did", () => {
  test("when all that it tells is the same", () => {
    expect(isSame(model, model, NOTHING_LEFT_OUT)).toBe(true);
    expect(isSame({ ...model, fields: { gfn: "d0" } }, model, NOTHING_LEFT_OUT)).toBe(true);
    expect(isSame({ ...model, fields: {} }, model, NOTHING_LEFT_OUT)).toBe(true);
  });

  test("not when something is otherwise, or the model does not have it", () => {
    const seen = (fields: Observation["fields"]): Observation => ({ ...model, fields });
    expect(isSame(seen({ gfn: "d1" }), model, NOTHING_LEFT_OUT)).toBe(false);
    expect(isSame(seen({ gfn: "d0", more: "1" }), model, NOTHING_LEFT_OUT)).toBe(false);
    expect(isSame({ ...model, kind: "check_mmio_spte" }, model, NOTHING_LEFT_OUT)).toBe(false);
  });

  test("and a field that is left out may be otherwise, of its own kind", () => {
    const seen: Observation = { ...model, fields: { ...model.fields, access: "7" } };
    expect(isSame(seen, model, new Set(["mark_mmio_spte.access"]))).toBe(true);
    expect(isSame(seen, model, new Set(["mark_mmio_spte.gen"]))).toBe(false);
    expect(isSame(seen, model, new Set(["handle_mmio_page_fault.access"]))).toBe(false);
  });
});

test("a reader sees the kind and what is told of it", () => {
  expect(observationText(model)).toBe("mark_mmio_spte gfn d0, access 6, gen 4");
  expect(observationText({ kind: "reload", fields: {} })).toBe("reload");
});
