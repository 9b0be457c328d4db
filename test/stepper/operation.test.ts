import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";
import { SCHEMA_FILE } from "../../src/scenario/validate.ts";
import {
  type OperationKind,
  OPERATIONS,
  operationsOn,
  operationText,
  OWN_MACHINE,
  parseOperation,
  performerOf,
} from "../../src/stepper/operation.ts";

const SHADOW = { ...OWN_MACHINE, paging: "shadow" } as const;

test.each(operationsOn(SHADOW))("%s can be performed as it is offered", (kind: OperationKind) => {
  const given = OPERATIONS[kind].flatMap(({ name, value }) =>
    value === null ? [] : [`${name}:${value}`],
  );
  const step = parseOperation([kind, ...given].join(","), SHADOW);
  expect(parseOperation(operationText(step), SHADOW)).toEqual(step);
});

test.each([
  ["access,vcpu:2,gpa:0x5000", "access: there is no vCPU 2 yet; they go up to 1"],
  ["access,vcpu:0", "access: expected exactly one of gpa and gva"],
  ["access,vcpu:x,gpa:0x5000", 'vcpu of access is "x"; expected a number'],
  ["access,vcpu:0,gpa:5000", 'gpa of access is "5000"; expected a hexadecimal number like 0x5000'],
  ["access,vcpu:0,gpa:0x0,kind:jump", 'kind of access is "jump"; expected read, write, fetch'],
  ["access,gpa:0x5000", "access needs a value for vcpu"],
  ["access,vcpu:0,gpa:0x5000,cr3:0x0", 'access has no field "cr3"'],
  [
    "contend,who:cpu,when:soon",
    'when of contend is "soon"; expected always, never, or questions like 1/3',
  ],
  [
    "inject,what:mmio_cached,as:0,generation:0x2",
    'what of inject is "mmio_cached"; expected generation',
  ],
  [
    "inject,what:generation,as:2,generation:0x2",
    "inject: there is no address space 2; machine.address_spaces is 2",
  ],
  ["load_cr3,vcpu:0,cr3:0x0", 'there is no operation "load_cr3" with paging npt'],
])("%s is refused", (text, problem) => {
  expect(() => parseOperation(text, OWN_MACHINE)).toThrow(new RangeError(problem));
});

test("a range that is mapped at once is not too long", () => {
  const text = "map_guest_range,root:0x1000,gva:0x0,gpa:0x0,npages:1025";
  expect(() => parseOperation(text, SHADOW)).toThrow("expected up to 1024");
});

test.each([
  ["access,vcpu:1,gpa:0x0", "vCPU 1"],
  ["flush_shadow_all", "owner"],
  ["inject,what:generation,as:0,generation:0xffffc", "host"],
  ["shrink", "host"],
])("%s is performed by %s", (text, performer) => {
  expect(performerOf(parseOperation(text, OWN_MACHINE))).toBe(performer);
});

test.each([
  ["gpa:0x4000,entry:0x6007", "owner"],
  ["vcpu:1,gva:0x4000,entry:0x6007", "vCPU 1"],
])("an entry of a guest's table is written by whose address it has: %s", (fields, performer) => {
  expect(performerOf(parseOperation(`write_guest_table,${fields}`, SHADOW))).toBe(performer);
  expect(() => parseOperation(`write_guest_table,vcpu:0,${fields}`, OWN_MACHINE)).toThrow(
    'there is no operation "write_guest_table" with paging npt',
  );
});

test("every step of a case is offered, or the page says why not", () => {
  const read = (file: string): string => readFileSync(join(PACKAGE_ROOT, file), "utf8");
  const schema = JSON.parse(read(SCHEMA_FILE)) as { $defs: Readonly<Record<string, unknown>> };
  const steps = Object.keys(schema.$defs).flatMap((name) => /^step\.(.+)/.exec(name)?.[1] ?? []);
  const [, reasons = ""] = /^Some steps of a .*? are not offered\.(.*?)\n\n/ms.exec(
    read("docs/stepper.md"),
  )!;
  expect(steps).toContain("access");
  expect(steps.filter((name) => !Object.hasOwn(OPERATIONS, name)).sort()).toEqual(
    steps.filter((name) => name !== "inject" && reasons.includes(`\`${name}\``)).sort(),
  );
});
