import type { Case, Machine, Step } from "../scenario/case.generated.ts";
import { checkSteps } from "../scenario/check-steps.ts";

/** A machine of one's own, with its vCPUs. */
export interface OwnMachine {
  readonly paging: NonNullable<Machine["paging"]>;
  /** 1 to 4. */
  readonly vcpus: number;
  /** Width of the generation field, 19 or less for a cheap wrap. */
  readonly generationBits: number;
}

export const OWN_MACHINE: OwnMachine = { paging: "npt", vcpus: 2, generationBits: 19 };

/** A field of an operation, as it is asked for. */
export interface Field {
  readonly name: string;
  /** What it is filled with at first; null if it may be left out. */
  readonly value: string | null;
  /** What it must be: one of these, a number, or a 64-bit value in hexadecimal. */
  readonly kind: readonly string[] | "number" | "hex" | "when";
}

const VCPU: Field = { name: "vcpu", value: "0", kind: "number" };
const hex = (name: string, value: string | null): Field => ({ name, value, kind: "hex" });
const number = (name: string, value: string | null): Field => ({ name, value, kind: "number" });

/** The operations of free play, with their fields. */
export const OPERATIONS = {
  set_memory_region: [
    number("slot", "1"),
    hex("gpa", "0x0"),
    hex("size", "0x10000"),
    hex("hva", "0x10000000"),
    number("flags", null),
    number("as", null),
  ],
  access: [
    VCPU,
    hex("gpa", "0x5000"),
    hex("gva", null),
    { name: "kind", value: "read", kind: ["read", "write", "fetch"] },
    hex("value", null),
  ],
  enter_smm: [VCPU],
  leave_smm: [VCPU],
  flush_shadow_all: [],
  destroy_vm: [],
  shrink: [],
  host_release: [hex("hva", "0x10005000")],
  contend: [
    { name: "who", value: "cpu", kind: ["cpu", "lock"] },
    { name: "when", value: "always", kind: "when" },
  ],
  inject: [
    { name: "what", value: "generation", kind: ["generation"] },
    number("as", "0"),
    hex("generation", "0xffffc"),
  ],
  map_guest_range: [
    hex("root", "0x1000"),
    hex("gva", "0x400000"),
    hex("gpa", "0x5000"),
    number("npages", "1"),
  ],
  write_guest_table: [
    hex("gpa", "0x4000"),
    number("vcpu", null),
    hex("gva", null),
    hex("entry", "0x6007"),
  ],
  load_cr3: [VCPU, hex("cr3", "0x1000")],
  invlpg: [VCPU, hex("gva", "0x400000")],
} as const satisfies Partial<Record<Step["do"], readonly Field[]>>;

export type OperationKind = keyof typeof OPERATIONS;

/** Operations that make sense with the shadow MMU only. */
const OF_SHADOW: readonly OperationKind[] = [
  "map_guest_range",
  "write_guest_table",
  "load_cr3",
  "invlpg",
];

/** What can be done on a machine. */
export const operationsOn = ({ paging }: OwnMachine): OperationKind[] =>
  (Object.keys(OPERATIONS) as OperationKind[]).filter(
    (kind) => paging === "shadow" || !OF_SHADOW.includes(kind),
  );

/** What an operation of free play is: a step without expectations. */
export type OwnStep = Extract<Step, { do: OperationKind }>;

/** `access,vcpu:0,gpa:0x5000`: an operation as it stands in a link. */
export function operationText(step: OwnStep): string {
  const { do: kind, ...fields } = step as unknown as Record<string, unknown>;
  const parts = Object.entries(fields).map(
    ([name, value]) => `${name}:${Array.isArray(value) ? value.join("/") : String(value)}`,
  );
  return [String(kind), ...parts].join(",");
}

/**
 * Reads an operation and checks that it can be performed on the machine.
 * @throws RangeError with one sentence
 */
export function parseOperation(text: string, machine: OwnMachine): OwnStep {
  const [kind = "", ...parts] = text.split(",");
  if (!operationsOn(machine).includes(kind as OperationKind)) {
    throw new RangeError(`there is no operation "${kind}" with paging ${machine.paging}`);
  }
  const fields: readonly Field[] = OPERATIONS[kind as OperationKind];
  const given = new Map(parts.map((part) => pairOf(part)));
  for (const name of given.keys()) {
    if (!fields.some((field) => field.name === name)) {
      throw new RangeError(`${kind} has no field "${name}"`);
    }
  }
  const values = fields.flatMap((field) => {
    const value = given.get(field.name) ?? "";
    if (value !== "") return [[field.name, valueOf(field, value, kind)] as const];
    if (field.value === null || OPTIONAL.includes(field.name)) return [];
    throw new RangeError(`${kind} needs a value for ${field.name}`);
  });
  const step = { do: kind, ...Object.fromEntries(values) } as unknown as OwnStep;
  check(step, machine);
  return step;
}

/** Given at first, and still not needed. */
const OPTIONAL: readonly string[] = ["gpa", "kind"];

function pairOf(part: string): [string, string] {
  const at = part.indexOf(":");
  return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
}

function valueOf({ name, kind }: Field, text: string, operation: string): unknown {
  const wrong = (expected: string): RangeError =>
    new RangeError(`${name} of ${operation} is "${text}"; expected ${expected}`);
  if (kind === "number") {
    if (!/^\d{1,6}$/.test(text)) throw wrong("a number");
    return Number(text);
  }
  if (kind === "hex") {
    if (!/^0x[\da-f]{1,16}$/.test(text)) throw wrong("a hexadecimal number like 0x5000");
    return `0x${BigInt(text).toString(16)}`;
  }
  if (kind === "when") {
    if (text === "always" || text === "never") return text;
    if (!/^\d{1,6}(\/\d{1,6})*$/.test(text)) throw wrong("always, never, or questions like 1/3");
    return text.split("/").map(Number);
  }
  if (!kind.includes(text)) throw wrong(kind.join(", "));
  return text;
}

/** Most pages of a range that is mapped at once. */
const MAX_PAGES = 1024;

function check(step: OwnStep, { paging, vcpus, generationBits }: OwnMachine): void {
  if (step.do === "map_guest_range" && step.npages > MAX_PAGES) {
    throw new RangeError(
      `npages of map_guest_range is ${step.npages}; expected up to ${MAX_PAGES}`,
    );
  }
  const created = Array.from({ length: vcpus }, () => ({ do: "create_vcpu" }) as const);
  const scenario = {
    machine: { paging, mmio_generation_bits: generationBits },
    steps: [...created, step],
  } as unknown as Case;
  checkSteps(scenario, (_pointer, problem) => {
    throw new RangeError(`${step.do}: ${problem}`);
  });
}

/** Who performs an operation: a vCPU its own, the VM's owner or the host what is theirs. */
export function performerOf(step: OwnStep): string {
  if ("vcpu" in step) return `vCPU ${step.vcpu}`;
  return ["shrink", "host_release", "contend", "inject"].includes(step.do) ? "host" : "owner";
}
