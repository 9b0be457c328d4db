import type { StepRecord } from "../../adapters/record.ts";
import { type Row, row } from "../row.ts";

/** What a step returned, one fact a line. */
export function resultRows(record: StepRecord | null): Row[] {
  if (record === null) return [];
  const { result, threads = {} } = record;
  return [
    ...Object.entries(result).flatMap(([name, value]) => rows(name, value)),
    ...Object.entries(threads).flatMap(([name, records]) =>
      records.flatMap((each, i) => rows(`${name} ${i}`, each.result)),
    ),
  ];
}

function rows(name: string, value: unknown): Row[] {
  if (typeof value !== "object" || value === null) return [row(name, `${name}: ${String(value)}`)];
  if (!Array.isArray(value)) {
    return Object.entries(value).flatMap(([field, part]) => rows(`${name}.${field}`, part));
  }
  if (value.length === 0) return [row(name, `${name}: none`)];
  if (name === "operations")
    return value.map((each) => row(`${name} ${String(each)}`, String(each)));
  return value.every((each) => typeof each !== "object")
    ? [row(name, `${name}: ${value.join(", ")}`)]
    : value.flatMap((each, i) => rows(`${name} ${i}`, each));
}
