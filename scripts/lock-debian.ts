/** Writes docs/debian-6.1.md from a live run: needs QEMU, a C compiler and apt-get. */
import { writeFileSync } from "node:fs";
import { debianPage, playOnDebian } from "./debian-kernel.ts";

writeFileSync("docs/debian-6.1.md", debianPage(await playOnDebian()));
