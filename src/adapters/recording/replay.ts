import type { Composition } from "../../reference/compose.ts";
import { KernelBug, ModelBug } from "../../reference/machine/failures.ts";
import { Kvm } from "../../reference/machine/kvm.ts";
import { machineParameters, type Paging } from "../../reference/machine/machine.ts";
import { Driver } from "./driver.ts";
import type { RecordedCommand, Recording } from "./recording.ts";
import { render } from "./render.ts";

/** The first point at which model and kernel part. */
export interface Divergence {
  /** Line of the recording. */
  readonly line: number;
  readonly command: string;
  readonly kernel: string;
  readonly model: string;
}

export interface Replay {
  readonly divergence: Divergence | null;
  /** Events of the kernel that the model matched, in order. */
  readonly matched: number;
}

const NOTHING = "nothing more";

/**
 * Drives the reference with the commands of a recording and compares, event for event, what the
 * kernel did with what the model does, and what the guest saw with what it sees in the model.
 */
export function replay(recording: Recording, composition: Composition, paging: Paging): Replay {
  const kvm = new Kvm(machineParameters({ paging }), composition.ops);
  const driver = new Driver(kvm);
  let matched = 0;
  for (const command of recording.commands) {
    let answer: string;
    try {
      answer = driver.perform(command.text);
    } catch (error) {
      if (!(error instanceof KernelBug || error instanceof ModelBug)) throw error;
      const model = `${error.name}: ${error.message}`;
      return { divergence: at(command, command.line, "goes on", model), matched };
    }
    const events = (kvm.log ?? []).map((event) => render(event, composition.ops));
    if (kvm.log !== null) kvm.log.length = 0;
    const divergence = compare(
      command,
      events.filter((text) => text !== null),
      answer,
    );
    if (divergence !== null) return { divergence, matched };
    matched += command.observations.length;
  }
  return { divergence: null, matched };
}

function compare(
  command: RecordedCommand,
  events: readonly string[],
  answer: string,
): Divergence | null {
  const { observations } = command;
  for (let i = 0; i < Math.max(events.length, observations.length); i++) {
    const seen = observations[i];
    if (seen?.text === events[i]) continue;
    return at(command, seen?.line ?? command.line, seen?.text ?? NOTHING, events[i] ?? NOTHING);
  }
  const isAccess = command.text.startsWith("touch");
  if (!isAccess || command.answer === null || command.answer === answer) return null;
  return at(
    command,
    command.line,
    `the guest sees: ${command.answer}`,
    `the guest sees: ${answer}`,
  );
}

const at = (command: RecordedCommand, line: number, kernel: string, model: string): Divergence => ({
  line,
  command: command.text,
  kernel,
  model,
});
