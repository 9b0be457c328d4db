import { expect, test } from "vitest";
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
  ["shrink", "host"],
])("%s is performed by %s", (text, performer) => {
  expect(performerOf(parseOperation(text, OWN_MACHINE))).toBe(performer);
});
