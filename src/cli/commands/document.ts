import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { topicsOf } from "../../conformance/mmu-document.ts";
import { EXIT } from "../exit-codes.ts";
import { print, printJson } from "../output.ts";
import { UsageError } from "../usage-error.ts";

/** `kmc document FILE`: whether a kernel tree's MMU document is as patch 12 leaves it. */
export function add(command: Command): void {
  command
    .argument("<file>", "mmu.txt or mmu.rst of a kernel tree")

    .option("--json", "as JSON")
    .action((file: string, options: { json?: boolean }) => {
      const topics = topicsOf(read(file));
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
        print([`${file} is as patch 12 leaves it: nothing about zapping all pages by generation`]);
      } else {
        const left = topics.filter((topic) => topic !== "mmio-generation");
        print([`${file} is as before patch 12: it still covers ${left.join(" and ")}`]);
      }
      process.exitCode = !isMmuDocument ? EXIT.inconclusive : hasPatch ? EXIT.ok : EXIT.fails;
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`${file} cannot be read: ${code}`);
  }
}
