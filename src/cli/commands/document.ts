import type { Command } from "commander";
import { topicsOf } from "../../conformance/mmu-document.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { readText } from "../read-text.ts";

/** `kmc document FILE`: whether a kernel tree's MMU document is as patch 12 leaves it. */
export function add(command: Command): void {
  command
    .argument("<file>", "mmu.txt or mmu.rst of a kernel tree; - is standard input")
    .option("--json", "as JSON")
    .action((file: string, options: { json?: boolean }) => {
      const topics = topicsOf(readText(file));
      const isMmuDocument = topics.includes("mmio-generation");
      const hasPatch = isMmuDocument && topics.length === 1;
      if (options.json === true) {
        printJson({
          kind: "document",
          format: 1,
          topics,
          patch12: isMmuDocument ? hasPatch : null,
        });
      } else if (!isMmuDocument) {
        print([`${file} says nothing about MMIO generations: not an MMU document of these years`]);
      } else if (hasPatch) {
        print([`${file} is as patch 12 leaves it: no section on zapping all pages by generation`]);
      } else {
        const left = topics.filter((topic) => topic !== "mmio-generation");
        print([`${file} is as before patch 12: it still covers ${left.join(" and ")}`]);
      }
      process.exitCode = !isMmuDocument ? EXIT.inconclusive : hasPatch ? EXIT.ok : EXIT.fails;
    });
}
