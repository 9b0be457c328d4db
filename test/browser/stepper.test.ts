import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import {
  recordOnReference,
  ReferenceRun,
} from "../../src/adapters/reference/reference-implementation.ts";
import { countersOf } from "../../src/adapters/reference/snapshot.ts";
import { judge } from "../../src/conformance/judge.ts";
import { KernelBug } from "../../src/reference/machine/failures.ts";
import type { Composition } from "../../src/reference/compose.ts";
import type { Case } from "../../src/scenario/case.generated.ts";
import { loadCases } from "../../src/scenario/load-cases.ts";
import { pageOf } from "../../src/walkthrough/page.ts";
import { sidesOf } from "../../src/walkthrough/sides.ts";
import { TOPIC_IDS, type TopicId, topicOf } from "../../src/walkthrough/topics.ts";
import { describeInBrowser } from "../support/browser.ts";
import { barriers, compressed, NARROW, overhang, scriptsOf } from "../support/reading.ts";

/** Of compressed script besides that of the first page, in bytes. */
const LIMIT = 200_000;

const cases = loadCases();
const decisiveOf = (id: TopicId): Case =>
  cases.find((scenario) => scenario.id === topicOf(id).decisive)!;
const page11 = "patches/11-zap-only-the-slot.html";
const pathOf = (id: TopicId): string => pageOf(id).replace("docs/", "").replace(/md$/, "html");

/** The stepper has been loaded and shows a place; it has the focus. */
async function focused(page: Page): Promise<Page> {
  await page.locator(".stepper .controls").waitFor();
  await page.locator(".stepper").focus();
  return page;
}

/** To the end of the run, by the key. */
async function toEnd(page: Page): Promise<void> {
  await (await focused(page)).keyboard.press("End");
  await page.locator(".stepper .main[aria-disabled='true']").waitFor();
}

/** Texts of the elements that a selector finds. */
const texts = (page: Page, selector: string): Promise<string[]> =>
  page.locator(`.stepper ${selector}`).allTextContents();

/** All that is shown of the state. */
const shown = (page: Page): Promise<string[]> => texts(page, ":is(.panel, .turns, .position)");

/** What a run from end to end says, without the stepper: its verdict, and its counters. */
function expected(
  scenario: Case,
  composition: Composition,
): { holds: boolean; counters: string[] } {
  const run = new ReferenceRun(composition, scenario.machine);
  try {
    for (const step of scenario.steps) run.step(step);
  } catch (error) {
    // A case may end in a BUG.
    if (!(error instanceof KernelBug)) throw error;
  }
  return {
    holds: judge(scenario, recordOnReference(composition, scenario)).length === 0,
    counters: Object.entries(countersOf(run.kvm)).map(
      ([name, value]) => `${name.replaceAll("_", " ")}: ${value}`,
    ),
  };
}

describeInBrowser("the stepper", (look) => {
  test.each(TOPIC_IDS)("plays %s to where a run from end to end leads", async (id) => {
    const { page, errors, elsewhere } = await look(pathOf(id));
    await toEnd(page);
    const scenario = decisiveOf(id);
    const sides = sidesOf(id, scenario);
    const verdicts = await texts(page, ".verdicts li");
    for (const [side, { composition }] of sides.entries()) {
      const { holds, counters } = expected(scenario, composition);
      expect(verdicts[side]).toContain(holds ? "✓ does what the case expects" : "✗ expected");
      const rows = await texts(page, `.panel-counters .side:nth-child(${side + 1}) li`);
      expect(rows.map((text) => text.replace(", differs", ""))).toEqual(counters);
    }
    expect(errors).toEqual([]);
    expect(elsewhere).toEqual([]);
  });

  test("goes back to what it showed, move by move", async () => {
    const { page } = await look(page11);
    await focused(page);
    const seen = [await shown(page)];
    for (let move = 0; move < 12; move++) {
      await page.keyboard.press("ArrowRight");
      seen.push(await shown(page));
    }
    expect(new Set(seen.map(String)).size).toBe(seen.length);
    // What the last move changed is marked in words and colour alike; texts are the state.
    for (const state of seen.slice(0, -1).reverse()) {
      await page.keyboard.press("ArrowLeft");
      expect(await shown(page)).toEqual(state);
    }
  });

  test("has links that lead back to the same place, with its choices", async () => {
    const { page } = await look(pathOf(1));
    await focused(page);
    for (let step = 0; step < 8; step++) await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("2");
    await page.keyboard.press("2");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("1");
    await page.locator(".stepper .panel-tree .side:first-child li").nth(2).click();
    const state = await shown(page);
    expect(page.url()).toContain("#on=0,1&case=p01.race.create-that-wraps&by=");
    expect(page.url()).toMatch(/\.1x1\.-2\.0x1&entry=/);
    const again = await look(page.url());
    await focused(again.page);
    expect(await shown(again.page)).toEqual(state);
    expect(again.errors).toEqual([]);
  });

  test("tells what is wrong with a link, and opens nevertheless", async () => {
    const { page } = await look("stepper.html#on=99&case=x");
    await focused(page);
    expect(await texts(page, ".problem")).toEqual([
      'The link is wrong: there is no layer "99"; layers go from 0 to 27',
    ]);
  });

  test("can be reached and used by the keyboard alone", async () => {
    const { page } = await look("stepper.html");
    await page.locator(".stepper .controls").waitFor();
    const inStepper = (): Promise<boolean> =>
      page.evaluate("document.activeElement.closest('.stepper') !== null");
    for (let tabs = 0; tabs < 120 && !(await inStepper()); tabs++) await page.keyboard.press("Tab");
    expect(await inStepper()).toBe(true);
    await page.keyboard.press("End");
    await page.locator(".stepper .main[aria-disabled='true']").waitFor();
    const list = ".panel-tree .side:first-child .rows";
    const inTree = (): Promise<boolean> =>
      page.evaluate(`document.activeElement.matches(${JSON.stringify(`.stepper ${list}`)})`);
    for (let tabs = 0; tabs < 60 && !(await inTree()); tabs++) await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowUp");
    const [chosen] = await texts(page, `${list} [aria-selected="true"]`);
    expect(chosen).toMatch(/^\[0\] gfn 0xc1000/);
    expect((await texts(page, ".entry .what"))[0]).toMatch(/^leaf 0x/);
    await page.keyboard.press("Home");
    expect(await texts(page, ".position")).toEqual(["move 0"]);
  });

  test("does not move when it steps, and moves nothing when it comes", async () => {
    const { page } = await look(page11);
    await focused(page);
    const [place, stepper] = await page.evaluate<[number, number]>(
      `[getComputedStyle(document.querySelector(".stepper-place")).minHeight, document.querySelector(".stepper").offsetHeight]
        .map((height) => parseFloat(height))`,
    );
    expect(Math.abs(place - stepper)).toBeLessThan(8);
    const boxes = (): Promise<unknown> =>
      page.evaluate(`[...document.querySelectorAll(".stepper .panel, .stepper .controls button")]
        .map((e) => e.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height].join())`);
    const before = await boxes();
    for (let move = 0; move < 25; move++) {
      await page.keyboard.press("ArrowRight");
      expect(await boxes()).toEqual(before);
    }
  });

  test("shows with E1 that parts of the generation overlap, and without it that they do not", async () => {
    const { page } = await look(pathOf("E1"));
    await toEnd(page);
    const overlapping = (side: number): Promise<number> =>
      page.locator(`.stepper .side:nth-child(${side}) .bit.overlaps`).count();
    expect(await overlapping(1)).toBe(18);
    expect(await overlapping(2)).toBe(0);
    expect((await texts(page, ".note")).join(" ")).toContain("stored twice");
  });

  test("has the witnesses of the explorer, each where it was found and where it cannot be", async () => {
    const { page, errors } = await look("stepper.html");
    await focused(page);
    const choice = (name: string) => page.getByRole("combobox", { name, exact: true });
    await choice("Cases of a patch, witnesses, or free play").selectOption(
      "Witnesses of the explorer",
    );
    await choice("Case").selectOption("E6.witness");
    await toEnd(page);
    const verdicts = await texts(page, ".verdicts li");
    expect(verdicts[0]).toContain("layer 11, slip E6: ✓ shows the bad outcome");
    expect(verdicts[1]).toContain("layer 10, slip E6: ✗ expected");
    expect(await page.locator(".verdicts .bad").count()).toBe(1);
    expect(page.url()).toContain("#on=11+E6,10+E6&case=E6.witness&by=-");
    const again = await look(page.url());
    await focused(again.page);
    expect(await shown(again.page)).toEqual(await shown(page));
    expect([...errors, ...again.errors]).toEqual([]);
  });

  test("plays operations of one's own, in an order of one's own", async () => {
    const { page, errors } = await look("stepper.html");
    await focused(page);
    await page.locator(".stepper").getByLabel("free play").selectOption("own");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.locator(".add select").first().selectOption("access");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("gpa").fill("5000");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    expect(await texts(page, ".wrong")).toEqual([
      'gpa of access is "5000"; expected a hexadecimal number like 0x5000',
    ]);
    await page.locator(".stepper").focus();
    for (const key of "1122") await page.keyboard.press(key);
    expect((await texts(page, ".turns button")).map((text) => text.trim())).toEqual([
      "owner: memslots.synchronized",
      "▸ vCPU 0: mmu_lock.acquire",
    ]);
    for (const key of "11111") await page.keyboard.press(key);
    await page.keyboard.press("End");
    await page.locator(".stepper .main[aria-disabled='true']").waitFor();
    expect((await texts(page, ".panel-log li")).join("\n")).toContain(
      "→ outcome mapped, hva 0x10005000",
    );
    expect(errors).toEqual([]);
  });

  test("destroys a VM of one's own when nobody is under way", async () => {
    const { page, errors } = await look("stepper.html#on=27&play=access,vcpu:0,gpa:0x5000");
    await focused(page);
    for (const operation of ["inject", "destroy_vm"]) {
      await page.locator(".add select").first().selectOption(operation);
      await page.getByRole("button", { name: "Add", exact: true }).click();
    }
    await page.locator(".stepper").focus();
    for (const key of "132") await page.keyboard.press(key);
    expect((await texts(page, ".panel-memslots")).join()).toContain("0xffffc");
    const owner = page.locator(".turns button").filter({ hasText: "owner" });
    expect(await owner.textContent()).toContain("start");
    expect(await owner.getAttribute("aria-disabled")).toBe("true");
    await page.keyboard.press("End");
    await page.locator(".stepper .main[aria-disabled='true']").waitFor();
    expect(await owner.textContent()).toContain("end");
    expect(errors).toEqual([]);
  });

  test.each([
    ["light, on a narrow screen", page11, { width: NARROW }],
    ["dark", "errata/E1.html", { dark: true }],
    ["in free play", "stepper.html#on=11&play=access,vcpu:0,gpa:0x5000;shrink&by=0x2", {}],
  ])("can be read by everybody: %s", async (_how, path, how) => {
    const { page } = await look(path, how);
    await toEnd(page);
    expect(await barriers(page, { include: [".stepper"] })).toEqual([]);
    await page.setViewportSize({ width: NARROW, height: 700 });
    expect(await overhang(page)).toBeLessThanOrEqual(0);
  });

  test("needs little script besides that of the first page", async () => {
    const first = await scriptsOf((await look("index.html")).page);
    const { page } = await look(page11);
    await focused(page);
    const more = (await scriptsOf(page)).filter(
      (url) => !first.includes(url) && !url.includes(".md."),
    );
    expect(more.some((url) => url.includes("TheStepper"))).toBe(true);
    expect(await compressed(more)).toBeLessThanOrEqual(LIMIT);
  });
});
