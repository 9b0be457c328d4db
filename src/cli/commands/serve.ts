import { createInterface } from "node:readline";
import type { Command } from "commander";
import { Server } from "../../adapters/protocol/serve.ts";
import { referenceDefinition } from "../../adapters/reference/reference-definition.ts";
import { claimLayer, claimText } from "../../conformance/claim.ts";
import { LAST_LAYER } from "../../reference/compose.ts";
import { addCompositionFlags, claimOf, type CompositionFlags } from "../composition-options.ts";

/** `kmc serve`: the reference as an implementation that speaks the protocol. */
export function add(command: Command): void {
  addCompositionFlags(command).action(async (options: CompositionFlags) => {
    const claim = claimOf(options) ?? claimLayer(LAST_LAYER);
    const name = `reference, ${claimText(claim)}`;
    const server = new Server(referenceDefinition(claim.composition, name));
    for await (const line of createInterface({ input: process.stdin })) {
      process.stdout.write(`${await server.answer(line)}\n`);
    }
  });
}
