import { Driver } from "../../src/adapters/recording/driver.ts";
import type { RecordedCommand, Recording } from "../../src/adapters/recording/recording.ts";
import { render } from "../../src/adapters/recording/render.ts";
import type { Composition } from "../../src/reference/compose.ts";
import { Kvm } from "../../src/reference/machine/kvm.ts";
import { machineParameters, type Paging } from "../../src/reference/machine/machine.ts";

/**
 * The recording that a kernel would leave which does what the model does. Each event has a line.
 */
export function modelRecording(
  { ops }: Composition,
  paging: Paging,
  commands: readonly string[],
): Recording {
  const kvm = new Kvm(machineParameters({ paging }), ops);
  const driver = new Driver(kvm);
  let line = 1;
  const perform = (text: string): RecordedCommand => {
    const at = line++;
    const answer = driver.perform(text);
    const words = kvm.log!.splice(0).map((event) => render(event, ops));
    const observations = words
      .filter((word) => word !== null)
      .map((word) => ({ line: line++, text: word }));
    line++;
    return { line: at, text, answer, observations };
  };
  return { commands: commands.map(perform), foreign: 0 };
}
