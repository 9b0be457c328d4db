import { sideOf } from "./composition.ts";
import {
  OWN_MACHINE,
  type OwnMachine,
  type OwnStep,
  operationText,
  parseOperation,
} from "./operation.ts";
import { MAX_MOVES, type Move } from "./session.ts";

/** What a link to the stepper says; the case by its id. */
export interface Link {
  /** One or two sides, as `sideOf` reads them. */
  readonly sides: readonly string[];
  readonly subject:
    | { readonly caseId: string }
    | { readonly machine: OwnMachine; readonly operations: readonly OwnStep[] };
  readonly moves: readonly Move[];
  /** The key of the entry under the cursor; null: what changes last. */
  readonly entry: string | null;
}

/** What a link begins with. */
const BEGIN = "on=";

/** Whether the part of an address behind `#` is a link to the stepper. */
export const isLink = (hash: string): boolean => hash.startsWith(BEGIN);

/** The part of an address behind `#`: `on=10,11&case=p11.x&by=-12.1x3`. */
export function linkText({ sides, subject, moves, entry }: Link): string {
  const parts = [`${BEGIN}${sides.join(",")}`];
  if ("caseId" in subject) parts.push(`case=${subject.caseId}`);
  else {
    const { paging, vcpus, generationBits } = subject.machine;
    parts.push(`machine=${paging}/${vcpus}/${generationBits}`);
    parts.push(`play=${subject.operations.map(operationText).join(";")}`);
  }
  if (moves.length > 0) parts.push(`by=${movesText(moves)}`);
  if (entry !== null) parts.push(`entry=${entry}`);
  return parts.join("&");
}

/** Reads a link. @throws RangeError with one sentence about what is wrong */
export function parseLink(hash: string): Link {
  const fields = new Map(
    hash.split("&").map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)] as const;
    }),
  );
  const sides = (fields.get("on") ?? "").split(",");
  if (sides.length > 2) throw new RangeError("a link is about one or two sides, not more");
  for (const side of sides) sideOf(side);
  return {
    sides,
    subject: subjectOf(fields),
    moves: movesOf(fields.get("by") ?? ""),
    entry: fields.get("entry") ?? null,
  };
}

function subjectOf(fields: ReadonlyMap<string, string>): Link["subject"] {
  const caseId = fields.get("case");
  if (caseId !== undefined) return { caseId };
  const machine = machineOf(fields.get("machine"));
  const texts = (fields.get("play") ?? "").split(";").filter((text) => text !== "");
  return { machine, operations: texts.map((text) => parseOperation(text, machine)) };
}

function machineOf(text: string | undefined): OwnMachine {
  if (text === undefined) return OWN_MACHINE;
  const match = /^(npt|ept|shadow)\/([1-4])\/(\d{1,2})$/.exec(text);
  const generationBits = Number(match?.[3]);
  if (match === null || generationBits < 2 || generationBits > 19) {
    throw new RangeError(
      `the machine is "${text}"; expected paging, vCPUs and bits of the generation, as npt/2/19`,
    );
  }
  return { paging: match[1] as OwnMachine["paging"], vcpus: Number(match[2]), generationBits };
}

/** `-12.1x3`: twelve times whose turn it was, then three times the one with number 1. */
function movesText(moves: readonly Move[]): string {
  const parts: string[] = [];
  for (let i = 0; i < moves.length;) {
    let next = i;
    while (next < moves.length && moves[next] === moves[i]) next++;
    const move = moves[i]!;
    parts.push(moves[i] === null ? `-${next - i}` : `${move}x${next - i}`);
    i = next;
  }
  return parts.join(".");
}

function movesOf(text: string): Move[] {
  if (text === "") return [];
  const moves = text.split(".").flatMap((part) => {
    const match = /^(?:-|(\d)x)(\d{1,5})$/.exec(part);
    if (match === null || Number(match[2]) > MAX_MOVES) {
      throw new RangeError(`the moves have a part "${part}"; expected parts like -12 or 1x3`);
    }
    const move = match[1] === undefined ? null : Number(match[1]);
    return Array.from({ length: Number(match[2]) }, () => move);
  });
  if (moves.length > MAX_MOVES) throw new RangeError(`there are more than ${MAX_MOVES} moves`);
  return moves;
}
