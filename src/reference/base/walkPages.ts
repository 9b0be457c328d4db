import type { Kvm } from "../machine/kvm.ts";
import type { ShadowPage } from "../machine/shadow-page.ts";
import type { Task } from "../machine/thread.ts";

/** What a walk over the active pages does after a page. */
export type Step = "next" | "restart" | "stop";

/**
 * Seam: walks `active_mmu_pages` while pages are taken off it: list_for_each_entry_safe[_reverse]
 * with a restart label (arch/x86/kvm/mmu.c). The next page is fixed before the current one is
 * visited, so a visit that may have taken that one off the list, too, must say "restart".
 * @param walk the kernel function whose walk this is.
 */
export function* walkPages(
  kvm: Kvm,
  walk: string,
  order: "newest-first" | "oldest-first",
  visit: (sp: ShadowPage) => Task<Step>,
): Task<void> {
  const pages = kvm.active_mmu_pages;
  const start = (): ShadowPage | null => (order === "newest-first" ? pages.head : pages.tail);
  let sp = start();
  while (sp !== null) {
    const next: ShadowPage | null = order === "newest-first" ? sp.link.older : sp.link.newer;
    const step = yield* visit(sp);
    if (step === "stop") return;
    if (step === "restart") {
      kvm.counters.walk_restarts++;
      kvm.log?.push({ event: "walk_restart", walk });
    }
    sp = step === "restart" ? start() : next;
  }
}
