import { fileURLToPath } from "node:url";

/** The folder that holds `fixtures/`: the checkout, or the installed package. */
export const PACKAGE_ROOT = fileURLToPath(new URL("../../", import.meta.url));
