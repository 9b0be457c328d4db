import type { Inside } from "./inside.ts";
import type { KernelMemory } from "./kernel-memory.ts";

/**
 * A variable of the kernel, of 8 bytes.
 * @param otherwise its value where the kernel has no such variable. @throws SymbolMissing without it
 */
export async function variableOf(
  { symbols }: Inside,
  memory: KernelMemory,
  name: string,
  otherwise?: bigint,
): Promise<bigint> {
  if (otherwise !== undefined && !symbols.has(name)) return otherwise;
  return memory.word(symbols.address(name));
}
