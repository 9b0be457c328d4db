/** The role of a shadow page: union kvm_mmu_page_role. */
export interface Role {
  readonly level: number;
  readonly direct: boolean;
  readonly smm: boolean;
  /** What the guest may: 4 user, 2 write, 1 execute. */
  readonly access: number;
  readonly invalid: boolean;
}

/** @param bit a field of the role by its name. */
export const roleOf = (bit: (name: string) => bigint): Role => ({
  level: Number(bit("level")),
  direct: bit("direct") === 1n,
  smm: bit("smm") === 1n,
  access: Number(bit("access")),
  invalid: bit("invalid") === 1n,
});
