/** What probes of ours print, by name: `page=0xff10 list=0xff48`, in whatever order. */
export const printed = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]));

/** The function that an address is in, as a probe prints it: `make_mmio_spte+0xc1/0xd0 [kvm]`. */
export const functionIn = (text: string, name: string): string =>
  /^\w+/.exec(printed(text).get(name) ?? "")?.[0] ?? "unknown";

/** What one probe has printed under a name, line by line. */
export const printedBy = (probe: string, name: string, lines: readonly string[]): string[] =>
  lines.flatMap((line) => (line.includes(` ${probe}: `) ? (printed(line).get(name) ?? []) : []));
