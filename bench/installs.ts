import { benchVm, PAGE, setRegion } from "./machine.ts";
import { measure, type Measured } from "./measure.ts";

/** The full wrap of a 19-bit field in one of two address spaces. */
export const INSTALLS = 2 ** 18;

/** 2^18 installs: a slot's dirty logging toggled. */
export const installs = (layer: number): Measured =>
  measure(
    5,
    () => {
      const kvm = benchVm(layer);
      setRegion(kvm, 1, 0x1000, PAGE, 0x100000);
      return kvm;
    },
    (kvm) => {
      for (let i = 0; i < INSTALLS; i++)
        setRegion(kvm, 1, 0x1000, PAGE, 0x100000, i % 2 === 0 ? 1 : 0);
    },
  );
