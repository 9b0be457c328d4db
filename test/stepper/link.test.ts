import { describe, expect, test } from "vitest";
import { isLink, type Link, linkText, parseLink } from "../../src/stepper/link.ts";
import { OWN_MACHINE, parseOperation } from "../../src/stepper/operation.ts";

const link = (changes: Partial<Link> = {}): Link => ({
  sides: ["10", "11"],
  subject: { caseId: "p11.unaligned-slot.leaf-sptes-gone" },
  moves: [null, null, 1, 1, 0, null],
  entry: "1.c1000.7/128",
  ...changes,
});

describe("a link", () => {
  test("is short, and can be read", () => {
    expect(linkText(link())).toBe(
      "on=10,11&case=p11.unaligned-slot.leaf-sptes-gone&by=-2.1x2.0x1.-1&entry=1.c1000.7/128",
    );
  });

  test.each([
    link(),
    link({ moves: [], entry: null }),
    link({ sides: ["p11.rmap-pass-only"] }),
    link({ sides: ["8+E1+E5", "8"] }),
    link({
      subject: {
        machine: { paging: "shadow", vcpus: 3, generationBits: 5 },
        operations: [
          parseOperation("set_memory_region,slot:1,gpa:0x0,size:0x0,hva:0x0", OWN_MACHINE),
          parseOperation("contend,who:lock,when:1/3", OWN_MACHINE),
        ],
      },
    }),
  ])("says all that it was made of: %#", (made) => {
    const text = linkText(made);
    expect(parseLink(text)).toEqual(made);
    expect(isLink(text)).toBe(true);
    expect(encodeURI(text)).toBe(text);
  });

  test("is no heading of a page", () => {
    expect(isLink("before")).toBe(false);
    expect(isLink("")).toBe(false);
  });

  test.each([
    ["on=28&case=x", 'there is no layer "28"; layers go from 0 to 27'],
    ["on=&case=x", 'there is no layer ""; layers go from 0 to 27'],
    ["on=11+E9&case=x", 'there is no erratum "E9"'],
    ["on=p11.none&case=x", "there is no mutant p11.none"],
    ["on=1,2,3&case=x", "a link is about one or two sides, not more"],
    ["on=1&case=x&by=2", 'the moves have a part "2"; expected parts like -12 or 1x3'],
    ["on=1&case=x&by=-99999", 'the moves have a part "-99999"; expected parts like -12 or 1x3'],
    ["on=1&case=x&by=-15000.-15000", "there are more than 20000 moves"],
    [
      "on=1&machine=npt/9/19",
      'the machine is "npt/9/19"; expected paging, vCPUs and bits of the generation, as npt/2/19',
    ],
    ["on=1&play=jump", 'there is no operation "jump" with paging npt'],
  ])("that is wrong is refused: %s", (text, problem) => {
    expect(() => parseLink(text)).toThrow(new RangeError(problem));
  });
});
