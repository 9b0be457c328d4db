import { covers } from "../../scenario/capabilities.ts";
import type { EventName, Machine, SnapshotStep, Step } from "../../scenario/case.generated.ts";
import type { WireEvent } from "../record.ts";

/** The messages of docs/protocol.md (fixtures/schema/protocol.schema.json). */

export const PROTOCOL_VERSION = 1;

/** A step as it goes over the wire: without what is expected of it, `repeat` unrolled. */
export type WireStep =
  | Exclude<Step, { do: "repeat" } | { do: "threads" } | { do: "facts" } | { do: "snapshot" }>
  | WireSnapshot
  | WireThreads;

export interface WireSnapshot {
  readonly do: "snapshot";
  readonly parts: readonly (keyof NonNullable<SnapshotStep["expect"]>)[];
  readonly entries?: readonly Place[];
  readonly tlb?: readonly Place[];
}

/** An address of a vCPU. */
export interface Place {
  readonly vcpu: number;
  readonly gpa?: string;
  readonly gva?: string;
}

export interface WireThreads {
  readonly do: "threads";
  readonly threads: Readonly<Record<string, readonly WireStep[]>>;
  readonly schedule: readonly WireScheduleItem[];
}

export interface WireScheduleItem {
  readonly run: string;
  readonly until: readonly string[];
  readonly nth: number;
}

/** What is asked of an implementation. */
export type Question =
  | {
      readonly method: "initialize";
      readonly params: { readonly protocol: number; readonly runner: Runner };
    }
  | {
      readonly method: "reset";
      readonly params: { readonly machine: Machine; readonly events: readonly EventName[] };
    }
  | { readonly method: "step"; readonly params: WireStep }
  | { readonly method: "shutdown"; readonly params: Readonly<Record<string, never>> };

interface Runner {
  readonly name: string;
  readonly version: string;
}

export type Request = { readonly jsonrpc: "2.0"; readonly id: number } & Question;

/** What an implementation says of itself. */
export interface Introduction {
  readonly protocol: number;
  readonly name: string;
  readonly version: string;
  readonly language?: string;
  readonly homepage?: string;
  readonly capabilities: readonly string[];
  /** What its VMs have if nobody asks for something else; `npt` if the paging is left out. */
  readonly machine: {
    readonly address_spaces: number;
    readonly physical_address_width: number;
    readonly paging?: "ept" | "npt" | "shadow";
    /** Whether a TLB keeps what it has until it is told otherwise; `kept` if left out. */
    readonly tlb?: "kept" | "forgotten";
    /** Whether generations are as if nobody but the case had installed; `exact` if left out. */
    readonly numbers?: "exact" | "shifted";
    /** 19 if left out; null if it is not known. */
    readonly mmio_generation_bits?: number | null;
  };
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** What it answers to a step. */
export type Answer = Readonly<Record<string, unknown>> & {
  readonly events?: readonly WireEvent[];
  readonly threads?: Readonly<Record<string, readonly Answer[]>>;
  readonly stops?: readonly { readonly run: string; readonly at: string }[];
};

/** What an implementation that does not say has. */
const USUAL_GENERATION_BITS = 19;

/** Whether an introduction offers a capability (docs/protocol.md, Capabilities). */
export function introducedCapability(
  { capabilities, machine, facts = {} }: Introduction,
  capability: string,
): boolean {
  if (capability === "operation:repeat" || capability === "operation:facts") return true;
  if (capability === `machine:address_spaces=${machine.address_spaces}`) return true;
  if (capability === `machine:physical_address_width=${machine.physical_address_width}`)
    return true;
  if (capability === `machine:paging=${machine.paging ?? "npt"}`) return true;
  const { tlb = "kept", numbers = "exact" } = machine;
  if (capability === `machine:tlb=${tlb}`) return true;
  if (capability === `machine:numbers=${numbers}`) return true;
  const { mmio_generation_bits: bits = USUAL_GENERATION_BITS } = machine;
  if (capability === `machine:mmio_generation_bits=${bits}`) return true;
  const [kind, name] = capability.split(":") as [string, string];
  if (kind === "fact") return name in facts && covers(capabilities, capability);
  return covers(capabilities, capability);
}
