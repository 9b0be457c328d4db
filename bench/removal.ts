/**
 * The cost of removing a 64-page slot against the size of the VM, in a process of its own:
 * `removal.ts LAYER PAGES` builds a VM with 8 vCPUs and that many mapped 4K pages, removes and
 * brings back the slot several times, and prints one line of JSON.
 */
import { benchVm, createVcpu, PAGE, setRegion, touch } from "./machine.ts";
import { measure } from "./measure.ts";

const VCPUS = 8;
const SLOT = { id: 9, gpa: 0x800_0000_0000, pages: 64, hva: 0x6000_0000_0000 };

export interface Removal {
  readonly build: number;
  readonly remove: number;
  readonly rss: number;
  readonly used: number;
}

function run(layer: number, pages: number): Removal {
  const kvm = benchVm(layer, { pageBudget: 2 ** 20 });
  const started = performance.now();
  const perVcpu = pages / VCPUS;
  const size = SLOT.pages * PAGE;
  setRegion(kvm, SLOT.id, SLOT.gpa, size, SLOT.hva);
  for (let i = 0; i < VCPUS; i++) {
    const gpa = i * 0x1_0000_0000;
    setRegion(kvm, i + 1, gpa, perVcpu * PAGE, 0x1_0000_0000 + gpa);
    touch(createVcpu(kvm, null), gpa, perVcpu);
  }
  const build = performance.now() - started;
  const used = kvm.n_used_mmu_pages;
  const { rss } = process.memoryUsage();
  const [vcpu] = kvm.vcpus;
  // At layers that drop everything the first removal is the one that counts: afterwards the VM is
  // empty.
  const remove = measure(
    layer >= 11 ? 9 : 1,
    () => {
      if (kvm.memslots[0]!.id_to_memslot(SLOT.id) === null)
        setRegion(kvm, SLOT.id, SLOT.gpa, size, SLOT.hva);
      touch(vcpu!, SLOT.gpa, SLOT.pages);
    },
    () => {
      setRegion(kvm, SLOT.id, SLOT.gpa, 0, SLOT.hva);
    },
  ).median;
  return { build, remove, rss, used };
}

const [layer, pages] = process.argv.slice(2).map(Number);
if (layer !== undefined && pages !== undefined) console.log(JSON.stringify(run(layer, pages)));
