/** A command that a page shows, as the shell would run it. */
export interface DocCommand {
  readonly line: string;
  /** What follows `npx kmc`. */
  readonly args: readonly string[];
  /** The exit code that the line before announces (`# exits 1`), or 0. */
  readonly exits: number;
}

/** The `npx kmc` commands in the shell blocks of a page. */
export function commandsOf(text: string): DocCommand[] {
  const commands: DocCommand[] = [];
  for (const [, block] of text.matchAll(/^```sh\n([\s\S]*?)^```/gm)) {
    let exits = 0;
    for (const line of block!.split("\n")) {
      const announced = /^# exits (\d)/.exec(line);
      if (announced !== null) exits = Number(announced[1]);
      if (!line.startsWith("npx kmc ")) continue;
      commands.push({ line, args: words(line.slice("npx kmc ".length)), exits });
      exits = 0;
    }
  }
  return commands;
}

/** The words of a shell command without what follows `#`; words in double quotes are one. */
const words = (text: string): string[] =>
  [...text.replace(/ +#.*$/, "").matchAll(/"([^"]*)"|\S+/g)].map(
    ([word, quoted]) => quoted ?? word,
  );
