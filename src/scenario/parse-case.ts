import type { Case } from "./case.generated.ts";
import { CaseError } from "./case-error.ts";
import { checkCase } from "./check-case.ts";
import { isLocked } from "./locked.ts";
import { validateCase } from "./validate.ts";

/** Reads a case from the text of its file. @throws CaseError */
export function parseCase(text: string, file: string): Case {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new CaseError(file, "", `is not JSON: ${(error as Error).message}`);
  }
  const scenario = isLocked(document) ? document : validateCase(document, file);
  checkCase(scenario, file);
  return scenario;
}
