import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Composition } from "../reference/compose.ts";
import type { OperationName } from "../reference/operations.ts";
import type { ErratumId } from "../reference/patch.ts";
import { PACKAGE_ROOT } from "../scenario/package-root.ts";

/** The text of one operation as a composition has it, and where it comes from. */
export interface OperationSource {
  readonly name: OperationName;
  /** `base`, `patch 11`, `erratum E2`. */
  readonly origin: string;
  /** From the root of the package. */
  readonly file: string;
  readonly text: string;
}

const REFERENCE = "src/reference";

/** All operations of a composition in the order of the kernel's files, each with its text. */
export function flatten(composition: Composition): OperationSource[] {
  return composition.order.map((name) => sourceOf(name, composition));
}

/** Where an operation of a composition comes from, and its text there. */
export function sourceOf(name: OperationName, composition: Composition): OperationSource {
  const origin = composition.origin.get(name) ?? 0;
  if (origin === 0) {
    const file = `${REFERENCE}/base/${name}.ts`;
    return { name, origin: "base", file, text: withoutImports(read(file)) };
  }
  const file = patchFile(origin);
  const kind = typeof origin === "number" ? `patch ${origin}` : `erratum ${origin}`;
  return { name, origin: kind, file, text: operationText(read(file), name) };
}

/** The file of a patch or an erratum, from the root of the package. */
export function patchFile(id: number | ErratumId): string {
  const folder = typeof id === "number" ? "layers" : "errata";
  const prefix = String(id).padStart(2, "0");
  return `${REFERENCE}/${folder}/${fileStartingWith(folder, `${prefix}-`)}`;
}

/** The operations in which two compositions differ: changed, gone, or new. */
export function changedOperations(before: Composition, after: Composition): OperationName[] {
  const names = [...new Set([...after.order, ...before.order])];
  const has = (composition: Composition, name: OperationName): boolean =>
    composition.order.includes(name);
  return names.filter(
    (name) => has(before, name) !== has(after, name) || before.ops[name] !== after.ops[name],
  );
}

/** Operations that stand before others now which they stood behind. */
export function movedOperations(before: Composition, after: Composition): OperationName[] {
  const place = (name: OperationName): number => before.order.indexOf(name);
  const common = after.order.filter((name) => before.order.includes(name));
  return common.filter((name, i) =>
    common.slice(i + 1).some((other) => place(other) < place(name)),
  );
}

const read = (file: string): string => readFileSync(join(PACKAGE_ROOT, file), "utf8");

const fileStartingWith = (folder: string, prefix: string): string =>
  readdirSync(join(PACKAGE_ROOT, REFERENCE, folder)).find((name) => name.startsWith(prefix)) ?? "";

/** A module without its imports. */
function withoutImports(text: string): string {
  return text.replaceAll(/^import [\s\S]*?;\n/gm, "").trim();
}

/**
 * The text of one operation in the file of a patch or an erratum. The sources are formatted, so the
 * indentation tells where it begins and ends.
 */
function operationText(text: string, name: string): string {
  const lines = text.split("\n");
  const begins = new RegExp(String.raw`^ {4}(\*|get )?${name}(\(|:|,$)`);
  const at = lines.findIndex((line) => begins.test(line));
  if (at < 0) return applyText(lines);
  if (lines[at] === `    ${name},`) return topLevel(lines, name);
  return dedent([...commentBefore(lines, at), ...block(lines, at, 4)], 4);
}

/** Lines from `at` to the one that closes what begins there, at the same indentation. */
function block(lines: readonly string[], at: number, indent: number): string[] {
  const isOneLine = /[,;]$/.test(lines[at] ?? "");
  if (isOneLine) return lines.slice(at, at + 1);
  const closes = new RegExp(`^ {${indent}}\\S`);
  const end = lines.findIndex((line, i) => i > at && closes.test(line));
  return lines.slice(at, end + 1);
}

function commentBefore(lines: readonly string[], at: number): string[] {
  let from = at;
  while (/^\s*(\/\/|\*|\/\*\*)/.test(lines[from - 1] ?? "")) from--;
  return lines.slice(from, at);
}

/** A declaration at the top of the file that the patch takes as a whole. */
function topLevel(lines: readonly string[], name: string): string {
  const at = lines.findIndex((line) => new RegExp(`^(export )?const ${name}\\b`).test(line));
  return [...commentBefore(lines, at), ...block(lines, at, 0)].join("\n");
}

/** The whole `apply` of a patch that does not list its operations one by one. */
function applyText(lines: readonly string[]): string {
  const at = lines.findIndex((line) => line.startsWith("  apply:"));
  return dedent(block(lines, at, 2), 2);
}

const dedent = (lines: readonly string[], by: number): string =>
  lines.map((line) => line.slice(by)).join("\n");
