import type { EventEmitter } from "node:events";
import type { Command, Option } from "commander";

/** Collects a list that may come in parts: `--case a,b --case c`. */
export const listed = (text: string, before?: string): string =>
  before === undefined ? text : `${before},${text}`;

/** Collects files: their names may have commas in them. */
export const eachFile = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  text,
];

/** An option that does not collect names one thing: saying it twice would lose the first. */
const collects = ({ parseArg }: Option): boolean =>
  [listed, eachFile].some((collector) => collector === parseArg);

/** Refuses what no option or argument of a command can mean: nothing, or two for what is one. */
export function refuseUnclearValues(command: Command): void {
  for (const option of command.options) {
    if (!option.required && !option.optional) continue;
    let before = 0;
    // Before commander's own, which would take the value. Its types leave out what it inherits.
    (command as unknown as EventEmitter).prependListener(
      `option:${option.name()}`,
      (value: string | null) => {
        if (value?.trim() === "") refuse(command, `option '${option.flags}' argument is empty`);
        if (before++ > 0 && !collects(option)) {
          refuse(command, `option '${option.flags}' cannot be repeated`);
        }
      },
    );
  }
  command.hook("preAction", () => {
    const names = command.registeredArguments.map((argument) => argument.name());
    for (const [i, value] of command.args.entries()) {
      if (value.trim() === "") refuse(command, `argument '${names[i] ?? names.at(-1)!}' is empty`);
    }
  });
}

const refuse = (command: Command, problem: string): never =>
  command.error(`error: ${problem}`, { code: "kmc.unclearValue", exitCode: 1 });
