import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/scenario/package-root.ts";

/** A command that answers as the reference does when it is composed as the options say. */
export const served = (...args: readonly string[]): string =>
  `"${process.execPath}" "${join(PACKAGE_ROOT, "bin/kmc.js")}" serve ${args.join(" ")}`;

/** A module for `--module`: what it offers, and the body of its `step`. */
export const moduleText = (capabilities: readonly string[], step: string): string => `
export default {
  name: "a module",
  version: "1",
  capabilities: ${JSON.stringify(capabilities)},
  machine: { address_spaces: 2, physical_address_width: 40 },
  create: () => ({ step: (step) => { ${step} } }),
};
`;

/** A command that runs a JavaScript file. */
export const script = (file: string): string => `"${process.execPath}" "${file}"`;
