import type { Composition } from "../../reference/compose.ts";
import { type GuestAccess, type Outcome } from "../../reference/kernel/emulate.ts";
import { guestAccess, inKernel, vcpu_enter_guest } from "../../reference/kernel/guest.ts";
import { kvm_set_memory_region, type RegionError } from "../../reference/kernel/memory-region.ts";
import { createVcpu, kvm_destroy_vm } from "../../reference/kernel/vm.ts";
import { PAGE_SIZE } from "../../reference/machine/constants.ts";
import { Kvm } from "../../reference/machine/kvm.ts";
import { machineParameters, type Paging } from "../../reference/machine/machine.ts";
import { runToEnd, type Task } from "../../reference/machine/thread.ts";
import { isAbsent, type Operations } from "../../reference/operations.ts";
import { expectedOf } from "./expected.ts";
import { type Call, CALLS, type Observation } from "./observation.ts";

/** A region of guest memory as userspace asks for it; addresses and size in bytes. */
export interface Region {
  readonly gpa: number;
  readonly size: number;
  readonly flags: number;
  readonly hva: number;
}

/** The model's VM in the hands of a program that was recorded, and what a trace would tell of it. */
export class Vm {
  readonly kvm: Kvm;
  /** Calls of functions that are listened to, and where in the log of events they belong. */
  readonly #calls: { readonly kind: Call; readonly at: number }[] = [];
  #happened: Observation[] = [];

  constructor({ ops }: Composition, paging: Paging) {
    this.kvm = new Kvm(machineParameters({ paging }), this.#probed(ops));
  }

  /** What has happened since this was last asked, in order. */
  takeHappened(): Observation[] {
    this.#drain();
    const happened = this.#happened;
    this.#happened = [];
    return happened;
  }

  /** @returns null, or the error: then nothing has changed. */
  setRegion(as: number, id: number, { gpa, size, flags, hva }: Region): RegionError | null {
    return runToEnd(
      kvm_set_memory_region(this.kvm, {
        slot: ((as << 16) | id) >>> 0,
        flags,
        guest_phys_addr: BigInt(gpa),
        memory_size: BigInt(size),
        userspace_addr: BigInt(hva),
      }),
    );
  }

  /** @param cr3 guest physical address of its root table, or null: it runs without paging. */
  createVcpu(cr3: number | null): void {
    createVcpu(this.kvm, cr3);
  }

  hasVcpu(vcpu: number): boolean {
    return this.kvm.vcpus[vcpu] !== undefined;
  }

  /** The vCPU gets ready to enter the guest; without anything to do nothing happens. */
  enter(vcpu: number): void {
    const by = this.kvm.vcpus[vcpu]!;
    runToEnd(inKernel(by, vcpu_enter_guest(by)));
  }

  access(vcpu: number, access: GuestAccess): Outcome {
    const outcome = runToEnd(guestAccess(this.kvm.vcpus[vcpu]!, access));
    if (outcome.outcome === "mmio") {
      this.#drain();
      const how = access.kind === "write" ? "write" : "read";
      const fields = { gpa: outcome.gpa.toString(16), access: how };
      this.#happened.push({ kind: "mmio_exit", fields });
    }
    return outcome;
  }

  destroy(): void {
    runToEnd(kvm_destroy_vm(this.kvm));
  }

  /** Fills host memory: the first word of page i reads `value + i`. */
  fill(hva: number, size: number, value: number): void {
    this.kvm.host.fill({ hva, npages: Math.ceil(size / PAGE_SIZE) }, value);
  }

  readHost(hva: number): bigint {
    return this.kvm.host.read(Math.floor(hva / PAGE_SIZE), hva % PAGE_SIZE, 8);
  }

  writeHost(hva: number, value: bigint): void {
    this.kvm.host.write(Math.floor(hva / PAGE_SIZE), hva % PAGE_SIZE, 8, value);
  }

  /** The operations, with a word of each call: probes on functions. */
  #probed(ops: Operations): Operations {
    const probed = (Object.entries(CALLS) as [Call, CalledOperation][])
      .filter(([, name]) => !isAbsent(ops[name]))
      .map(([kind, name]) => {
        const called = ops[name] as (...args: unknown[]) => Task<void>;
        const before = this.#calls;
        return [
          name,
          function* (...args: unknown[]): Task<void> {
            before.push({ kind, at: (args[0] as Kvm).log!.length });
            yield* called(...args);
          },
        ];
      });
    return { ...ops, ...(Object.fromEntries(probed) as Partial<Operations>) };
  }

  #drain(): void {
    const log = this.kvm.log!;
    if (log.length === 0 && this.#calls.length === 0) return;
    let next = 0;
    const callsUpTo = (at: number): void => {
      for (; next < this.#calls.length && this.#calls[next]!.at <= at; next++) {
        this.#happened.push({ kind: this.#calls[next]!.kind, fields: NO_FIELDS });
      }
    };
    for (const [i, event] of log.entries()) {
      callsUpTo(i);
      for (const expected of expectedOf(event)) this.#happened.push(expected);
    }
    callsUpTo(log.length);
    this.#calls.length = 0;
    log.length = 0;
  }
}

const NO_FIELDS = {};

type CalledOperation = (typeof CALLS)[Call];
