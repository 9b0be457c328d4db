import type { Task } from "./thread.ts";

/**
 * Sleepable RCU: a synchronisation waits for the read sections that began before it, not for later
 * ones.
 */
export class Srcu {
  /** Sections that have begun and not ended, oldest first. */
  readonly #sections: number[] = [];
  #begun = 0;
  /** Synchronisations in progress: each waits for the sections with lower numbers. */
  readonly synchronizing: number[] = [];

  get sections(): readonly number[] {
    return this.#sections;
  }

  /** @returns the section, to be handed to `srcu_read_unlock`. */
  srcu_read_lock(): number {
    this.#sections.push(this.#begun);
    return this.#begun++;
  }

  srcu_read_unlock(section: number): void {
    if (this.#sections.at(-1) === section) this.#sections.pop();
    else this.#sections.splice(this.#sections.indexOf(section), 1);
  }

  /** Waits for every section that has begun and not ended. */
  *synchronize_srcu_expedited(): Task<void> {
    const begun = this.#begun;
    const ready = (): boolean => (this.#sections[0] ?? begun) >= begun;
    if (ready()) return;
    this.synchronizing.push(begun);
    while (!ready()) yield { waitsFor: "srcu", ready };
    this.synchronizing.splice(this.synchronizing.indexOf(begun), 1);
  }
}
