/** A kernel cannot be tried: the host lacks something, or what was given is no kernel that can be asked. */
export class CannotBoot extends Error {
  override readonly name = "CannotBoot";
}
