import type {
  EventName,
  InjectStep,
  Machine as MachineOfCase,
} from "../../scenario/case.generated.ts";
import type { DefinedVm } from "../protocol/definition.ts";
import { CannotAssess, GivesUp } from "../protocol/failure.ts";
import type { Answer, WireSnapshot, WireStep } from "../protocol/messages.ts";
import { mmioMasks } from "./control/entries.ts";
import type { Inside } from "./control/inside.ts";
import { setGeneration } from "./control/memslots.ts";
import { type LookedAt, takeLiveSnapshot } from "./control/snapshot.ts";
import { mapGuestRange } from "../reference/map-guest-range.ts";
import { type GuestAnswer, type GuestLink, GuestRefusal } from "./guest-link.ts";
import { Generations, type Numbering } from "./generations.ts";
import type { LayoutProbes } from "./layout-probes.ts";
import { printedBy } from "./printed.ts";
import { type Traced, TraceReader } from "./trace-reader.ts";
import { forgetWarnings, turnTracing } from "./tracing.ts";

type Paging = "npt" | "shadow";

/** What is done to KVM by the program inside. */
export interface LiveKernel {
  readonly link: GuestLink;
  /** Gets KVM ready for VMs of that kind. */
  readonly usePaging: (paging: Paging) => Promise<void>;
  readonly numbering: Numbering;
  /** Its memory; null if it does not say where things are. */
  readonly inside: Inside | null;
  /** Whether its numbers are made those of the case: what the stub's installs add is taken back. */
  readonly isExact: boolean;
  /** What probes follow pointers by; null if its structures are not known. */
  readonly layouts: LayoutProbes | null;
  /** The first line of each kind that could not be read: the same one is told of all cases. */
  readonly examples: Map<string, string>;
}

const ERRORS: Readonly<Record<string, string>> = { "0": "ok", "22": "EINVAL", "17": "EEXIST" };

/** A VM of a live kernel, for one case. */
export class LiveVm implements DefinedVm {
  readonly #kernel: LiveKernel;
  readonly #machine: MachineOfCase;
  readonly #wanted: ReadonlySet<EventName>;
  readonly #reader: TraceReader;
  readonly #generations: Generations;
  /** The address space of each vCPU. */
  readonly #as: number[] = [];
  #made = false;
  /** The address spaces that have a slot for the guest's code. */
  readonly #stubs = new Set<number>();
  /** Address of struct kvm. */
  #address = 0n;
  #isOver = false;
  /** What userspace has written into guest page tables. */
  readonly #entries = new Map<number, bigint>();

  constructor(kernel: LiveKernel, machine: MachineOfCase, wanted: ReadonlySet<EventName>) {
    this.#kernel = kernel;
    this.#machine = machine;
    this.#wanted = wanted;
    this.#generations = new Generations(kernel.numbering);
    this.#reader = new TraceReader(
      wanted,
      (generation, vcpu) => this.#generations.unshifted(generation, this.#as[vcpu]!),
      kernel.layouts,
    );
  }

  /** To be asked for the next step when the answer to this one is there. */
  async step(step: WireStep): Promise<Answer> {
    if (!this.#made) await this.#make();
    this.#made = true;
    return this.#step(step);
  }

  async #make(): Promise<void> {
    // The VM of the case before keeps the module of KVM busy.
    await this.#done("destroy");
    const paging = this.#machine.paging === "shadow" ? "shadow" : "npt";
    await this.#kernel.usePaging(paging);
    if (this.#wanted.has("warn")) await forgetWarnings(this.#kernel.link);
    await this.#done("vm", paging, this.#machine.page_budget ?? 0);
    await this.#provideStub(0);
    if (!this.#kernel.isExact) return;
    // While the numbers are small: later an install of ours might be the one that wraps.
    await this.#provideStub(1);
    await this.#setNumber(0, 0n);
    await this.#setNumber(1, 1n);
  }

  /** A slot for the guest's code: an install that the case knows nothing of. */
  async #provideStub(as: number): Promise<void> {
    if (this.#stubs.has(as)) return;
    this.#stubs.add(as);
    const lines = await this.#done("stub", as);
    const kvm = printedBy("updated", "kvm", lines).at(-1);
    if (kvm !== undefined) this.#reader.kvm = this.#address = BigInt(kvm);
    this.#generations.follow(lines);
    this.#generations.stubMade(as);
  }

  async #step(step: WireStep): Promise<Answer> {
    const { link } = this.#kernel;
    if (this.#isOver && step.do !== "destroy_vm") {
      throw new CannotAssess("a VM that is there after its end");
    }
    switch (step.do) {
      case "create_vcpu": {
        await this.#done("vcpu", this.#pagingOf(step.cr3), step.cr3 ?? 0);
        return { vcpu: this.#as.push(0) - 1, ...this.#events([]) };
      }
      case "set_memory_region": {
        const { as = 0, slot, gpa, size, flags = 0, hva } = step;
        const { words, lines } = await link.ask("region", as, slot, gpa, size, flags, hva);
        const result = ERRORS[words[0]!];
        if (result === undefined) throw new GivesUp(`a region call fails with errno ${words[0]}`);
        this.#generations.follow(lines);
        return { result, ...this.#events(lines) };
      }
      case "access": {
        const { vcpu, gpa, gva, kind = "read", size = 8, value = "0x0" } = step;
        const address = gpa ?? gva!;
        return this.#outcome(vcpu, await this.#runs("access", vcpu, kind, address, size, value));
      }
      case "write_guest_table": {
        const { vcpu, gpa, gva, entry, size = 8 } = step;
        if (vcpu !== undefined) {
          return this.#outcome(vcpu, await this.#runs("access", vcpu, "write", gva!, size, entry));
        }
        await this.#write(Number(gpa), BigInt(entry));
        return this.#events([]);
      }
      case "map_guest_range": {
        const written: [number, bigint][] = [];
        mapGuestRange(step, {
          read: (gpa) => this.#entries.get(gpa) ?? 0n,
          write: (gpa, entry) => {
            this.#entries.set(gpa, entry);
            written.push([gpa, entry]);
          },
        });
        for (const [gpa, entry] of written) await this.#write(gpa, entry);
        return this.#events([]);
      }
      case "load_cr3":
        return this.#events((await this.#runs("cr3", step.vcpu, step.cr3)).lines, step.vcpu);
      case "invlpg":
        return this.#events((await this.#runs("invlpg", step.vcpu, step.gva)).lines, step.vcpu);
      case "enter_smm":
      case "leave_smm": {
        const as = step.do === "enter_smm" ? 1 : 0;
        await this.#provideStub(as);
        this.#as[step.vcpu] = as;
        return this.#events(await this.#done("smm", step.vcpu, as), step.vcpu);
      }
      case "inject":
        await this.#inject(step);
        return this.#events([]);
      case "snapshot":
        return { ...(await this.#snapshot(step)), ...this.#events([]) };
      case "flush_shadow_all":
      case "destroy_vm": {
        const lines = this.#isOver ? [] : await this.#done("destroy");
        this.#isOver = true;
        return this.#events(step.do === "destroy_vm" ? lines : duringFlush(lines));
      }
      default:
        throw new CannotAssess(`operation:${step.do}`);
    }
  }

  /** Writes the number of an address space into the kernel's memory. */
  async #setNumber(as: number, number: bigint): Promise<void> {
    await this.#kernel.inside!.whileStopped((memory) =>
      setGeneration(memory, { kvm: this.#address, as }, number),
    );
    this.#generations.set(number, as);
  }

  async #snapshot(step: WireSnapshot): Promise<Answer> {
    const { link, inside, numbering } = this.#kernel;
    if (inside === null) throw new CannotAssess("operation:snapshot");
    const seen = await inside.whileStopped(async (memory) => {
      const masks = await mmioMasks(inside, memory);
      const vm: LookedAt = { kvm: this.#address, as: this.#as, masks, layout: numbering.layout };
      return takeLiveSnapshot(inside, memory, vm, step);
    });
    const entries: object[] = [];
    for (const { entry, frame } of seen.entries) {
      if (frame === null) {
        entries.push(entry);
        continue;
      }
      const [hva] = (await link.ask("owner", `0x${frame.toString(16)}`)).words;
      entries.push({ ...entry, hva: hva === "0x0" ? "taken-back" : hva });
    }
    const { pages_allocated, pages_freed } = this.#reader.counters;
    const { used_pages, pending_pages } = seen.counters;
    const leaked_pages = pages_allocated - pages_freed - used_pages - pending_pages;
    const counters = { used_pages, pages_allocated, pages_freed, leaked_pages };
    return { ...seen, entries, counters };
  }

  /**
   * A number is written into the kernel's memory, or, trusting nothing, reached as it would be in
   * the long run: by installs.
   */
  async #inject({ as = 0, generation }: InjectStep): Promise<void> {
    if (this.#kernel.isExact) {
      await this.#setNumber(as, BigInt(generation!));
      return;
    }
    await this.#provideStub(as);
    const count = this.#generations.installsUpTo(BigInt(generation!), as);
    await turnTracing(this.#kernel.link, false);
    await this.#done("installs", as, String(count));
    await turnTracing(this.#kernel.link, true);
  }

  /** Something that only an unexpected state of the kernel prevents. @returns what was traced. */
  async #done(...words: readonly (string | number)[]): Promise<readonly string[]> {
    const answer = await this.#kernel.link.ask(...words);
    if (answer.words[0] === "0") return answer.lines;
    throw new GivesUp(`${words[0]} fails with errno ${answer.words[0]}`);
  }

  /** Lets a vCPU run. @throws GivesUp if it is the kernel that does not let it. */
  async #runs(...words: readonly (string | number)[]): Promise<GuestAnswer> {
    try {
      return await this.#kernel.link.ask(...words);
    } catch (error) {
      throw error instanceof GuestRefusal ? new GivesUp(error.message) : error;
    }
  }

  #pagingOf(cr3: string | undefined): string {
    if (this.#machine.paging !== "shadow") return "linear";
    return cr3 === undefined ? "none" : "guest";
  }

  async #write(gpa: number, entry: bigint): Promise<void> {
    this.#entries.set(gpa, entry);
    await this.#kernel.link.ask("poke", gpa, `0x${entry.toString(16)}`);
  }

  /** @throws CannotAssess if there is something that nobody understands. */
  #read(lines: readonly string[], vcpu: number): Traced {
    const traced = this.#reader.read(lines, vcpu);
    // Which pages of the case would have made room in their place, nobody knows.
    if (traced.zapsStub && typeof this.#machine.page_budget === "number")
      throw new CannotAssess(ROOM);
    if (traced.unread === null) return traced;
    const { what, text } = traced.unread;
    const { examples } = this.#kernel;
    if (!examples.has(what)) examples.set(what, text);
    throw new CannotAssess(`a ${what} that can be read, unlike "${examples.get(what)!}"`);
  }

  #events(lines: readonly string[], vcpu = 0): Answer {
    const { events } = this.#read(lines, vcpu);
    return this.#wanted.size === 0 ? {} : { events };
  }

  #outcome(vcpu: number, { words: [ending, hva, value], lines }: GuestAnswer): Answer {
    const traced = this.#read(lines, vcpu);
    const events = this.#wanted.size === 0 ? {} : { events: traced.events };
    if (ending === "ours") throw new CannotAssess("the last entry of a guest's root table");
    if (ending === "mmio") return { outcome: "mmio", via: viaOf(traced), gpa: hva, ...events };
    if (ending !== "reached") return { outcome: ending, ...events };
    if (hva === "0x0") throw new CannotAssess("the place that the access reached");
    return { outcome: howReached(traced), hva, value, ...events };
  }
}

const ROOM = "room that shadow pages of the case alone make";

function howReached({ faults, last }: Traced): string {
  if (faults === 0) return "hit";
  return last!.emulated ? "emulated" : "mapped";
}

/** A fault on a reserved bit that asks no generation was answered by the per-vCPU cache. */
function viaOf({ last }: Traced): string {
  if (last === null || !last.reserved || (last.asked && !last.bySpte)) return "fault";
  return last.bySpte ? "spte" : "cache";
}

/** Of what the end of a VM traces, what kvm_arch_flush_shadow_all does. */
function duringFlush(lines: readonly string[]): readonly string[] {
  const begin = lines.findIndex((line) => line.includes(" flush_all: "));
  const end = lines.findIndex((line) => line.includes(" flush_all_end: "));
  return lines.slice(begin + 1, end);
}
