import { computed, onMounted, onUnmounted, shallowRef } from "vue";
import { ids, load, witnessSides } from "virtual:cases";
import type { Case } from "../../../../src/scenario/case.generated.ts";
import { sideOf } from "../../../../src/stepper/composition.ts";
import { isLink, type Link, linkText, parseLink } from "../../../../src/stepper/link.ts";
import type { OwnMachine, OwnStep } from "../../../../src/stepper/operation.ts";
import { type Move, Session } from "../../../../src/stepper/session.ts";
import { decisiveOf, topicLink, topicNamed } from "../../../../src/stepper/topic.ts";

/** A page goes on drawing while a run goes to its end: pieces of that many milliseconds. */
const PIECE = 30;

/** What the stepper opens with if the page does not say. */
const FIRST_TOPIC = "11";

/** The cases among which one is. */
async function groupWith(id: string): Promise<readonly Case[]> {
  const group = load[ids.findIndex((of) => of.includes(id))];
  if (group === undefined) throw new RangeError(`there is no case ${id}`);
  return (await group()).default;
}

const caseWith = async (id: string): Promise<Case> =>
  (await groupWith(id)).find((scenario) => scenario.id === id)!;

/** Where a session is now. Never changed in place: each move makes another one. */
export type Now = ReturnType<typeof nowOf>;

const nowOf = (session: Session) => {
  const { sides, subject, position, moves, views, viewsBefore, place, entry } = session;
  return { sides, subject, position, moves, views, viewsBefore, place, entry };
};

/** The stepper behind its page: a session, what is chosen, and the link to where it is. */
export function useStepper(topic: string | undefined) {
  let session: Session | null = null;
  const now = shallowRef<Now | null>(null);
  const chosen = shallowRef<string | null>(null);
  const problem = shallowRef<string | null>(null);
  /** Of the group whose case is chosen. */
  const cases = shallowRef<readonly Case[]>([]);
  /** Counts what was begun: what is still under way and no longer wanted stops. */
  let begun = 0;

  const link = computed<Link | null>(() => {
    if (now.value === null) return null;
    const { sides, subject, moves } = now.value;
    return {
      sides: sides.map(({ id }) => id),
      subject: "scenario" in subject ? { caseId: subject.scenario.id } : subject,
      moves,
      entry: chosen.value,
    };
  });

  const hash = computed(() => (link.value === null ? "" : `#${linkText(link.value)}`));

  /** The address tells where the stepper is, once the reader has done something. */
  function told(): void {
    history.replaceState(history.state, "", hash.value);
  }

  async function open({ sides, subject, moves, entry }: Link): Promise<void> {
    const mine = ++begun;
    try {
      const scenario = "caseId" in subject ? await caseWith(subject.caseId) : null;
      if (mine !== begun) return;
      if (scenario !== null) cases.value = await groupWith(scenario.id);
      const of =
        scenario === null ? (subject as Exclude<typeof subject, { caseId: string }>) : { scenario };
      session = new Session(sides.map(sideOf), of, moves);
      now.value = nowOf(session);
      chosen.value = entry;
      problem.value = null;
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  async function openTopic(name: string): Promise<void> {
    const id = topicNamed(name);
    await open(topicLink(id, await caseWith(decisiveOf(id))));
  }

  async function openPage(): Promise<void> {
    const given = decodeURI(location.hash.slice(1));
    if (!isLink(given)) {
      await openTopic(topic ?? FIRST_TOPIC);
      return;
    }
    try {
      await open(parseLink(given));
    } catch (error) {
      await openTopic(topic ?? FIRST_TOPIC);
      problem.value = `The link is wrong: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Something else is run, from its start or with the moves so far. */
  async function reopen(changes: Partial<Link>): Promise<void> {
    if (link.value === null) return;
    await open({ ...link.value, moves: [], entry: null, ...changes });
    told();
  }

  function act(action: (session: Session) => void): void {
    begun++;
    if (session === null) return;
    action(session);
    now.value = nowOf(session);
    told();
  }

  const forward = (move: Move = null): void => {
    act((all) => all.forward(move));
  };

  const back = (): void => {
    act((all) => all.back());
  };

  const toStart = (): void => {
    act((all) => {
      all.goTo(0);
    });
  };

  /** Forward until a place is reached, or to the end. */
  async function forwardTo(place: number): Promise<void> {
    const mine = ++begun;
    if (session === null) return;
    let since = performance.now();
    while (session.place < place && session.forward()) {
      if (performance.now() - since < PIECE) continue;
      now.value = nowOf(session);
      await new Promise((resume) => setTimeout(resume));
      if (mine !== begun) return;
      since = performance.now();
    }
    now.value = nowOf(session);
    told();
  }

  const toNextStep = (): Promise<void> => forwardTo((session?.place ?? 0) + 1);
  const toEnd = (): Promise<void> => forwardTo(Infinity);

  /** Back to where the place began that is one move behind. */
  function toStepBefore(): void {
    act((all) => {
      all.back();
      const { place } = all;
      while (all.place === place && all.back());
      if (all.place !== place) all.forward();
    });
  }

  /** To where a step of the case begins. */
  async function toStep(step: number): Promise<void> {
    if (session !== null && session.place >= step) {
      act((all) => {
        while (all.place >= step && all.back());
        if (all.place < step) all.forward();
      });
    } else await forwardTo(step);
  }

  function choose(entry: string | null): void {
    chosen.value = entry;
    told();
  }

  const play = (machine: OwnMachine, operations: readonly OwnStep[]): Promise<void> =>
    reopen({ subject: { machine, operations }, moves: [] });

  /** Another operation at the end; what was done so far stays done. */
  async function add(operation: OwnStep): Promise<void> {
    const subject = link.value?.subject;
    if (subject === undefined || "caseId" in subject) return;
    const operations = [...subject.operations, operation];
    await reopen({ subject: { ...subject, operations }, moves: link.value!.moves });
  }

  /** Takes the last operation away, and all that was done if it was part of that. */
  async function removeLast(): Promise<void> {
    const subject = link.value?.subject;
    if (subject === undefined || "caseId" in subject) return;
    await reopen({ subject: { ...subject, operations: subject.operations.slice(0, -1) } });
  }

  /** A case on the same sides as before, a witness on its own. */
  async function chooseCase(caseId: string): Promise<void> {
    const sides = witnessSides[caseId];
    await reopen({ subject: { caseId }, ...(sides !== undefined && { sides }) });
  }

  const onHash = (): void => {
    if (isLink(location.hash.slice(1)) && location.hash !== hash.value) void openPage();
  };

  onMounted(() => {
    addEventListener("hashchange", onHash);
    void openPage();
  });
  onUnmounted(() => {
    begun++;
    removeEventListener("hashchange", onHash);
  });

  return {
    ...{ now, cases, chosen, problem, link, hash },
    ...{ forward, back, toStart, toEnd, toNextStep, toStepBefore, toStep },
    ...{ choose, reopen, play, add, removeLast, chooseCase },
  };
}

export type Stepper = ReturnType<typeof useStepper>;
