import type { Case, EventName } from "../scenario/case.generated.ts";
import type { CaseRecord } from "./record.ts";

/** Something that can be driven through cases and observed. */
export interface Implementation {
  readonly name: string;
  /** Which capabilities it offers (see `neededCapabilities`). */
  readonly offers: (capability: string) => boolean;
  /**
   * Runs one case on a fresh VM. Never throws for what the implementation does; the record tells.
   */
  record(scenario: Case, options?: RecordOptions): CaseRecord | Promise<CaseRecord>;
}

export interface RecordOptions {
  /** The events to keep; all, if left out. */
  readonly events?: ReadonlySet<EventName>;
}
