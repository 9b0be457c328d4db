import { composeLazily, type Has } from "../reference/compose-lazily.ts";
import type { PartId } from "../reference/patch.ts";
import type { Case } from "../scenario/case.generated.ts";
import { holds } from "./holds.ts";

/** What is found out about all compositions that give the same answers. */
export interface Outcome {
  readonly holds: boolean;
  /** The parts that were asked for, in order: no other one matters. */
  readonly asked: readonly PartId[];
}

interface Question {
  readonly part: PartId;
  readonly answers: Map<boolean, Node>;
}

type Node = Question | Outcome;

/**
 * Whether something holds for a composition, as a tree of questions: is this patch there, is that
 * erratum? One composition is tried for all that give the same answers.
 */
export class CaseTree {
  readonly #attempt: (has: Has) => boolean;
  #root: Node | undefined;

  /** @param attempt asks for the parts that matter to it, and always in the same order. */
  constructor(attempt: (has: Has) => boolean) {
    this.#attempt = attempt;
  }

  outcome(has: Has): Outcome {
    let node = this.#root;
    while (node !== undefined && "answers" in node) node = node.answers.get(has(node.part));
    return node ?? this.#grown(has);
  }

  #grown(has: Has): Outcome {
    const given = new Map<PartId, boolean>();
    const holds = this.#attempt((part) => {
      const answer = given.get(part) ?? has(part);
      given.set(part, answer);
      return answer;
    });
    const outcome: Outcome = { holds, asked: [...given.keys()] };
    let place = (node: Node): unknown => (this.#root ??= node);
    for (const [part, answer] of given) {
      const question = place({ part, answers: new Map() }) as Question;
      place = (node) => {
        const known = question.answers.get(answer) ?? node;
        question.answers.set(answer, known);
        return known;
      };
    }
    place(outcome);
    return outcome;
  }
}

const trees = new WeakMap<Case, CaseTree>();

/** Whether a case holds; the same tree for everybody who asks. */
export function treeOf(scenario: Case): CaseTree {
  let tree = trees.get(scenario);
  if (tree === undefined) {
    tree = new CaseTree((has) => holds(scenario, composeLazily(has)));
    trees.set(scenario, tree);
  }
  return tree;
}
