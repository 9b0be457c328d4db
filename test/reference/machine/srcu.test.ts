import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../../suites/support/property.ts";
import { Srcu } from "../../../src/reference/machine/srcu.ts";
import { Thread } from "../../support/thread.ts";

const synchronization = (srcu: Srcu): Thread<void> => new Thread(srcu.synchronize_srcu_expedited());

describe("a synchronisation", () => {
  test("does not wait when nobody reads", () => {
    expect(synchronization(new Srcu()).asFarAsPossible()).toBe("end");
  });

  test("waits for a section that began before it", () => {
    const srcu = new Srcu();
    const section = srcu.srcu_read_lock();
    const writer = synchronization(srcu);
    expect(writer.asFarAsPossible()).toBe("srcu");
    srcu.srcu_read_unlock(section);
    expect(writer.asFarAsPossible()).toBe("end");
  });

  test("does not wait for a section that began after it", () => {
    const srcu = new Srcu();
    const before = srcu.srcu_read_lock();
    const writer = synchronization(srcu);
    expect(writer.asFarAsPossible()).toBe("srcu");
    srcu.srcu_read_lock();
    expect(writer.asFarAsPossible()).toBe("srcu");
    srcu.srcu_read_unlock(before);
    expect(writer.asFarAsPossible()).toBe("end");
  });

  test("waits for exactly the sections that began before it and have not ended", () => {
    /** The sections before and after the writer begins, and the order in which they end. */
    const scene = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })).chain(([before, after]) =>
      fc.tuple(
        fc.constant(before),
        fc.constant(after),
        fc.shuffledSubarray(
          Array.from({ length: before + after }, (_, i) => i),
          { minLength: before + after },
        ),
      ),
    );
    check(scene, 200, ([before, after, order]) => {
      const srcu = new Srcu();
      const sections = Array.from({ length: before }, () => srcu.srcu_read_lock());
      const writer = synchronization(srcu);
      let at = writer.asFarAsPossible();
      for (let i = 0; i < after; i++) sections.push(srcu.srcu_read_lock());
      const open = new Set(sections.keys());
      for (const ends of order) {
        const waits = [...open].some((i) => i < before);
        expect(at).toBe(waits ? "srcu" : "end");
        srcu.srcu_read_unlock(sections[ends]!);
        open.delete(ends);
        at = writer.asFarAsPossible();
      }
      expect(at).toBe("end");
    });
  });
});
