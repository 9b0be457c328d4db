import { expect, test } from "vitest";
import { Btf, fieldIn } from "../../../../src/adapters/kernel/control/btf.ts";
import { BtfWriter } from "./btf-writer.ts";

/** An image with struct list_head and a union, a module with struct kvm that is made of them. */
function described() {
  const image = new BtfWriter();
  const u64 = image.typedef("u64", image.int("long unsigned int", 8));
  const u8 = image.int("unsigned char", 1);
  const u32 = image.int("unsigned int", 4);
  const pointer = image.pointer(0);
  const list = image.struct("list_head", 16, [
    ["next", pointer, 0],
    ["prev", pointer, 64],
  ]);
  image.struct("twice", 8, [["one", u64, 0]]);
  image.struct("twice", 16, [["one", u64, 64]]);
  const module = new BtfWriter(image);
  const role = module.union("kvm_mmu_page_role", 4, [
    ["word", u32, 0],
    [
      "",
      module.struct("", 4, [
        ["level", u32, 0, 4],
        ["has_4_byte_gpte", u32, 4, 1],
        ["smm", u32, 24, 8],
      ]),
      0,
    ],
  ]);
  module.struct("kvm_mmu_page", 40, [
    ["link", list, 0],
    ["unsync", u8, 128],
    ["role", role, 160],
    [
      "",
      module.union("", 8, [
        ["root_count", u32, 0],
        ["", u64, 0],
      ]),
      192,
    ],
    ["gfn", u64, 256],
  ]);
  const slots = module.array(module.pointer(module.struct("kvm_memslots", 8, [])), 2);
  const arch = module.struct("kvm_arch", 24, [
    ["n_used_mmu_pages", u64, 0],
    ["active_mmu_pages", list, 64],
  ]);
  module.struct("kvm", 64, [
    ["memslots", slots, 64],
    ["arch", arch, 192],
  ]);
  module.function("mark_mmio_spte", [
    ["vcpu", pointer],
    ["sptep", pointer],
    ["gfn", u64],
  ]);
  return new Btf(module.bytes(), new Btf(image.bytes()));
}

test("fields are found by their paths, through arrays, structures of a base and unnamed members", () => {
  const btf = described();
  expect(btf.field("kvm", "memslots[1]")).toEqual({ offset: 16, size: 8 });
  expect(btf.field("kvm", "arch.active_mmu_pages.prev")).toEqual({ offset: 40, size: 8 });
  expect(btf.field("kvm_mmu_page", "root_count")).toEqual({ offset: 24, size: 4 });
  expect(btf.field("kvm_mmu_page", "role.word")).toEqual({ offset: 20, size: 4 });
  expect(btf.size("kvm_mmu_page")).toBe(40);
  expect(btf.size("list_head")).toBe(16);
  expect(btf.has("kvm", "arch.nothing")).toBe(false);
});

test("a bit field is so many bits of its unit", () => {
  const btf = described();
  const level = btf.field("kvm_mmu_page", "role.level");
  const smm = btf.field("kvm_mmu_page", "role.smm");
  expect(level).toEqual({ offset: 20, size: 4, bits: { shift: 0, width: 4 } });
  expect(smm).toEqual({ offset: 20, size: 4, bits: { shift: 24, width: 8 } });
  const page = Buffer.alloc(40);
  page.writeUInt32LE(0x0100_0013, 20);
  page.writeBigUInt64LE(0x8000_0000_0000_0123n, 32);
  expect(fieldIn(page, level)).toBe(3n);
  expect(fieldIn(page, smm)).toBe(1n);
  expect(fieldIn(page, btf.field("kvm_mmu_page", "role.has_4_byte_gpte"))).toBe(1n);
  expect(fieldIn(page, btf.field("kvm_mmu_page", "gfn"))).toBe(0x8000_0000_0000_0123n);
});

test("parameters of a function are told by name", () => {
  expect(described().parameters("mark_mmio_spte")).toEqual(["vcpu", "sptep", "gfn"]);
  expect(() => described().parameters("nothing")).toThrow("the kernel does not describe nothing()");
});

test.each([
  ["kvm", "mmio_gen", "the kernel's struct kvm has no field mmio_gen"],
  ["kvm", "arch[1]", "arch[1] of struct kvm is no array"],
  ["nothing", "gfn", "the kernel does not describe struct nothing"],
  ["twice", "one", "the kernel has several structs twice"],
])("what is not there or not clear is told: %s %s", (structure, path, message) => {
  expect(() => described().field(structure, path)).toThrow(message);
});

test("a name that only ends like another one is not that one", () => {
  const writer = new BtfWriter();
  const u64 = writer.int("u64", 8);
  writer.struct("my_kvm", 8, [["first", u64, 0]]);
  writer.struct("kvm", 16, [["first", u64, 64]]);
  expect(new Btf(writer.bytes()).field("kvm", "first").offset).toBe(8);
});

test("what is no BTF is told", () => {
  expect(() => new Btf(Buffer.from("ELF, perhaps, but no description"))).toThrow(
    "what the kernel says of its structures is no BTF",
  );
});
