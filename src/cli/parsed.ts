import { UsageError } from "./usage-error.ts";

/** What a parser makes of an option; a mistake in that is the user's. @throws UsageError */
export function parsed<T>(text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** @throws UsageError */
export function parseNumber(text: string, low: number, high: number, what: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < low || number > high) {
    throw new UsageError(`there is no ${what} "${text}"; expected a number from ${low} to ${high}`);
  }
  return number;
}
