import { countersOf } from "../../adapters/reference/snapshot.ts";
import type { Kvm } from "../../reference/machine/kvm.ts";
import { type Row, row } from "../row.ts";

/** Totals since the VM was created. */
export const counterRows = (kvm: Kvm): Row[] =>
  Object.entries(countersOf(kvm)).map(([name, value]) =>
    row(name, `${name.replaceAll("_", " ")}: ${value}`),
  );
