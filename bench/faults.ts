import { benchVm, createVcpu, PAGE, setRegion, touch } from "./machine.ts";
import { measure, type Measured } from "./measure.ts";

export const FAULTS = 400_000;

/** Direct faults on fresh memory, one page after the other. */
export const faults = (layer: number): Measured =>
  measure(
    5,
    () => {
      const kvm = benchVm(layer);
      setRegion(kvm, 1, 0, FAULTS * PAGE, 0x1_0000_0000);
      return createVcpu(kvm, null);
    },
    (vcpu) => {
      touch(vcpu, 0, FAULTS);
    },
  );
