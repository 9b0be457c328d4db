import { ShadowPage, type Role } from "../../src/reference/machine/shadow-page.ts";

/** The role of most pages of a vCPU with direct paging: a table of 4K entries with every right. */
export const DIRECT_LEAF: Role = { level: 1, direct: true, access: 7, smm: false };

/** A shadow page on its own, without a VM. */
export const shadowPage = (id: number, gfn = 0, role: Partial<Role> = {}): ShadowPage =>
  new ShadowPage(id, gfn, { ...DIRECT_LEAF, ...role }, 0);
