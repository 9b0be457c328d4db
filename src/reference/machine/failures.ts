/**
 * Two ways in which a run can end that are nobody's verdict on a patch. The third kind of failure,
 * a kernel WARN, is an event: the run goes on (see `warn` in `events.ts`).
 */

/** The modelled kernel broke an invariant of its own: an oops, a use after free, a deadlock. */
export class KernelBug extends Error {
  override readonly name = "KernelBug";
}

/** The model itself is wrong: a removed function was called, a state that no kernel could be in. */
export class ModelBug extends Error {
  override readonly name = "ModelBug";
}
