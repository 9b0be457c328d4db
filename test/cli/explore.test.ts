import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { obligationIds } from "../../src/explore/obligation.ts";
import { kmc, kmcProcess } from "../support/kmc.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("kmc explore", () => {
  test("shows an obligation with its figures and its shortest witness", async () => {
    const { code, out } = await kmc("explore", "03");
    expect(code).toBe(0);
    expect(out).toMatch(/layer 2 +reachable +reachable +\d+ +\d+\n/);
    expect(out).toMatch(/layer 3 +unreachable +unreachable +\d+ +\d+\n/);
    expect(out).toContain("vcpu_cache_mmio_info");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  test("exits with 1 when a property does not hold, and with 0 when all orders keep it", async () => {
    const broken = await kmc("explore", "03", "--layer", "2");
    expect(broken.code).toBe(1);
    expect(broken.out).toContain("published: vCPU 0 exits with MMIO at gfn 0x700");
    const kept = await kmc("explore", "03", "--layer", "3");
    expect(kept.code).toBe(0);
    expect(kept.out).toMatch(/^Every order was covered: \d/m);
  });

  test("explores the threads of a case in any order", async () => {
    const { code, out } = await kmc(
      "explore",
      "p01.race.create-that-wraps",
      "--property",
      "published",
      "--layer",
      "0",
    );
    expect(code).toBe(1);
    expect(out).toContain("published: ");
  });

  test("is inconclusive, never right, when it ended early", async () => {
    const ended = await kmc("explore", "03", "--layer", "3", "--max", "2");
    expect(ended.code).toBe(3);
    expect(ended.out).toContain("Not every order was covered, because it ended after 2 executions");
    const bounded = await kmc("explore", "03", "--layer", "3", "--bound", "1");
    expect(bounded.code).toBe(3);
  });

  test("draws a witness as a Markdown table", async () => {
    const { out } = await kmc("explore", "03", "--layer", "2", "--markdown");
    expect(out).toContain("| | writer | vcpu | generations |");
    expect(out).toMatch(/^\| 1 \| .*`/m);
  });

  test("finds a livelock on the layer that is asked about, and none where it is remedied", async () => {
    const found = await kmc("explore", "E3.teardown", "--layer", "27");
    expect(found.code).toBe(1);
    expect(found.out).toMatch(/^livelock: steps \d+ to \d+ can follow each other for ever/m);
    const remedied = await kmc("explore", "E3.teardown", "--layer", "27", "--remedies", "E3");
    expect(remedied).toMatchObject({ code: 0 });
    expect(remedied.out).not.toContain("livelock: ");
  });

  test("writes a page with one column a thread", async () => {
    const file = join(temporaryFolder(), "sub", "page.html");
    const { code } = await kmc("explore", "03", "--html", file);
    expect(code).toBe(0);
    const page = readFileSync(file, "utf8");
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">[^]*<\/html>\n$/);
    expect(page).toContain("<th></th><th>writer</th><th>vcpu</th><th>generations of the sets</th>");
    const [, first = ""] = /<tr><td class="number">1<\/td>(.*?)<\/tr>/.exec(page) ?? [];
    expect(first).toMatch(/^<td><\/td><td><code>vcpu_enter_guest<\/code><br>→ <code>mmu_lock/);
    expect(page).toContain("where memory was published before the access began.");
    expect(page).not.toMatch(/<script|src=|href="http/);
  });

  test.each([
    [["explore", "p99.nothing"], "there is no case and no obligation p99.nothing"],
    [["explore", "03", "--property", "x"], "there is no property x; there are created,"],
    [["explore", "03", "--max", "0"], 'there is no number of executions "0"'],
    [["explore", "p01.facts.hook-argument"], "there are no threads whose orders"],
    [["explore", "missing/obligation.json"], "missing/obligation.json: cannot be read as JSON"],
  ])("%j is a mistake of the user", async (args, says) => {
    const { code, err } = await kmc(...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("without a target searches all obligations, on all cores, and tells them in order", async () => {
    const { code, out } = await kmcProcess(["explore", "--json"]);
    expect(code).toBe(0);
    const { explorations } = JSON.parse(out) as {
      explorations: { id: string; searches: { verdict: string }[] }[];
    };
    expect(explorations.map(({ id }) => id)).toEqual(obligationIds());
    const verdicts = explorations.flatMap(({ searches }) => searches.map(({ verdict }) => verdict));
    expect(new Set(verdicts)).toEqual(new Set(["holds"]));
  });
});
