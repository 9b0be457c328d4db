/** One line on standard error that is rewritten; nothing at all unless that is a terminal. */
export class LiveLine {
  #shown = 0;

  show(text: string): void {
    if (!process.stderr.isTTY || Date.now() - this.#shown < 50) return;
    this.#shown = Date.now();
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
  }
}

/** How far some work of a known length is, on a line of its own. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #line = new LiveLine();
  #done = 0;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  step(name: string): void {
    this.#done++;
    this.#line.show(`${this.#what} ${this.#done}/${this.#total} ${name}`);
  }

  end(): void {
    this.#line.clear();
  }
}

/** Does some work on each item and shows on the terminal how far it is. */
export function withProgress<Item extends { readonly id: string }, Result>(
  what: string,
  items: readonly Item[],
  work: (item: Item) => Result,
): Result[] {
  const progress = new Progress(what, items.length);
  const results = items.map((item) => {
    progress.step(item.id);
    return work(item);
  });
  progress.end();
  return results;
}
