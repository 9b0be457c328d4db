import { once } from "node:events";
import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { GuestLink } from "../../../src/adapters/kernel/guest-link.ts";

/** A link, and the end of the program inside. */
function linked() {
  const [here, there] = duplexPair();
  const link = new GuestLink(here);
  there.write("= ready\r\n");
  return { link, there, over: once(here, "end") };
}

test("answers come in the order of what was asked, with the lines before them", async () => {
  const { link, there } = linked();
  const [first, second] = [link.ask("one"), link.ask("two")];
  there.write("|a tr");
  there.write("ace\r\n= 1 x\n= ");
  there.write("2\n");
  expect(await first).toEqual({ words: ["1", "x"], lines: ["a trace"] });
  expect(await second).toEqual({ words: ["2"], lines: [] });
});

test("a line that the end of the machine cuts off is no answer", async () => {
  const { link, there, over } = linked();
  const answered = link.ask("region").then(() => "answered");
  there.end("= ");
  await over;
  const waits = new Promise((resolve) => setImmediate(resolve, "waits"));
  expect(await Promise.race([answered, waits])).toBe("waits");
});
