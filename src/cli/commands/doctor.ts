import type { Command } from "commander";
import { cannedConversation } from "../../adapters/protocol/canned.ts";
import { referenceDefinition } from "../../adapters/reference/reference-definition.ts";
import { ownClaim } from "../../conformance/claim.ts";
import { type Check, examine, type Exchange } from "../../conformance/examine.ts";
import { pc } from "../../report/colours.ts";
import { printable } from "../../report/printable.ts";
import { labelled } from "../../report/table.ts";
import { loadCases } from "../../scenario/load-cases.ts";
import { EXIT } from "../exit-codes.ts";
import { print } from "../output.ts";
import { selectCase } from "../select.ts";

/** The case of the canned conversation: what it tells of is the making of a slot. */
const LESSON = "p01.order.numbers-of-a-creation";

/** `kmc doctor`: whether an implementation speaks the protocol; without one, how it is spoken. */
export function add(command: Command): void {
  command

    .option("--impl <command>", "the implementation")
    .option("--case <id>", "for the conversation that is shown: about this case", LESSON)
    .action(async ({ impl, case: id }: { impl?: string; case: string }) => {
      if (impl === undefined) await showConversation(id);
      else process.exitCode = await check(impl);
    });
}

async function showConversation(id: string): Promise<void> {
  const scenario = selectCase({ case: id });
  const definition = referenceDefinition(ownClaim(scenario).composition, "example");
  for (const each of await cannedConversation(definition, scenario)) print(exchangeText(each));
}

async function check(command: string): Promise<number> {
  let mistakes = 0;
  for await (const each of examine(command, loadCases())) {
    if (each.state === "mistake") mistakes++;
    print(checkText(each));
  }
  print(mistakes > 0 ? [FOUND] : [GOOD]);
  return mistakes > 0 ? EXIT.fails : EXIT.ok;
}

const FOUND = "The conversation goes wrong there; docs/protocol.md says how it goes.";
const GOOD = "It speaks the protocol. Whatever `kmc run` finds is about the kernel.";

/** To be read, and pasted: neither broken nor indented, however long. */
const exchangeText = ({ request, answer }: Exchange): string[] => [
  `${pc.bold("→")} ${request}`,
  `${pc.bold("←")} ${answer === null ? "(no answer)" : shortened(printable(answer))}`,
];

/** Characters of an answer beyond which nobody reads, or pastes. */
const MOST = 100_000;

const shortened = (text: string): string =>
  text.length <= MOST ? text : `${text.slice(0, MOST)}… (${text.length} characters)`;

function checkText({ what, state, details, exchange }: Check): string[] {
  const paint = { ok: pc.green, mistake: pc.red, remark: pc.yellow }[state];
  return [
    ...labelled(`${state.padEnd(8)} `, what).map((line, i) =>
      i === 0 ? line.replace(state, paint(state)) : line,
    ),
    ...details.flatMap((detail) => labelled("           ", detail)),
    ...(exchange === undefined ? [] : exchangeText(exchange)),
  ];
}
