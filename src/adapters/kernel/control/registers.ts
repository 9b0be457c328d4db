/** A register as the gdb remote protocol numbers it. */
export interface Register {
  readonly number: number;
  readonly bytes: number;
}

/** Registers by the names that gdb has for them. */
export type RegisterLayout = ReadonlyMap<string, Register>;

/**
 * What registers a stub has, by its target description, whose parts lie in files of their own.
 * @param read the text of a file.
 */
export async function registerLayout(
  read: (file: string) => Promise<string>,
): Promise<RegisterLayout> {
  const layout = new Map<string, Register>();
  const target = await read("target.xml");
  const parts = [...target.matchAll(/<xi:include\s+href="([^"]+)"/g)].map(([, file]) => file!);
  let number = 0;
  for (const text of [target, ...(await each(parts, read))]) {
    // QEMU's own description has registers in comments.
    const described = text.replaceAll(/<!--.*?-->/gs, "");
    for (const [, attributes] of described.matchAll(/<reg\s([^>]*)>/g)) {
      const given = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes!)?.[1];
      number = Number(given("regnum") ?? number);
      const name = given("name");
      if (name !== undefined) layout.set(name, { number, bytes: Number(given("bitsize")) / 8 });
      number++;
    }
  }
  return layout;
}

async function each(
  files: readonly string[],
  read: (file: string) => Promise<string>,
): Promise<string[]> {
  const texts: string[] = [];
  for (const file of files) texts.push(await read(file));
  return texts;
}
