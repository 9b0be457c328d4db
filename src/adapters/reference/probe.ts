import { hookArgument } from "./hook-argument.ts";
import { ModelBug } from "../../reference/machine/failures.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { PageList } from "../../reference/machine/page-list.ts";
import type { Task } from "../../reference/machine/thread.ts";
import { isAbsent } from "../../reference/operations.ts";
import type { ProbeStep } from "../../scenario/case.generated.ts";
import { hex, type StepResult } from "../record.ts";

/** Calls one internal function by itself and tells what it returned. */
export function* probe(kvm: Kvm, step: ProbeStep): Task<StepResult> {
  const { ops } = kvm;
  const generation = BigInt(step.generation ?? "0x0");
  switch (step.what) {
    case "encode_generation":
      return { raw: hex(ops.generation_mmio_spte_mask(kvm, generation)) };
    case "decode_generation":
      return { generation: hex(ops.get_mmio_spte_generation(kvm, BigInt(step.raw ?? "0x0"))) };
    case "kvm_mmu_flush_or_zap": {
      const list = preparedPages(kvm, step);
      const [vcpu] = kvm.vcpus;
      if (vcpu === undefined) throw new ModelBug("the probe needs a vCPU");
      ops.kvm_mmu_flush_or_zap(vcpu, list, step.remote_flush ?? false, step.local_flush ?? false);
      return { pages_left: list.length };
    }
    case "kvm_mmu_remote_flush_or_zap": {
      if (isAbsent(ops.kvm_mmu_remote_flush_or_zap)) return { missing: true };
      const list = preparedPages(kvm, step);
      const returned = ops.kvm_mmu_remote_flush_or_zap(kvm, list, step.remote_flush ?? false);
      return { returned, pages_left: list.length };
    }
    case "memslots_updated_hook":
      return { argument: yield* hookArgument(kvm, step.architecture ?? "x86") };
    case "kvm_mmu_invalidate_mmio_sptes":
      yield* ops.kvm_mmu_invalidate_mmio_sptes(kvm, generation);
      return {};
  }
}

/** A list with the oldest page that is no root, prepared; or an empty one. */
function preparedPages(kvm: Kvm, step: ProbeStep): PageList {
  const list = new PageList();
  if (step.list !== "pages") return list;
  const candidates = [...kvm.active_mmu_pages.newestFirst()].filter((sp) => sp.root_count === 0);
  const oldest = candidates.at(-1);
  if (oldest === undefined) throw new ModelBug("the probe needs a shadow page that is no root");
  kvm.ops.kvm_mmu_prepare_zap_page(kvm, oldest, list);
  return list;
}
