import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule, TestSpecification } from "vitest/node";
import type { TestMessage } from "./run-checks.ts";

const tell = (message: TestMessage): void => void process.send?.(message);

const nameOf = ({ moduleId }: Pick<TestModule, "moduleId">): string =>
  relative(process.cwd(), moduleId);

/** What went wrong, and where; the whole of it comes at the end. */
function fails(where: string, errors: readonly { readonly message: string }[]): void {
  const what = errors.map(({ message }) => `\n       ${message.replaceAll("\n", "\n       ")}`);
  tell({ result: "failed", failure: where + what.join("") });
}

/** A reporter for vitest that tells the process that has started it how the tests go. */
export default class TellTests implements Reporter {
  onTestRunStart(files: readonly TestSpecification[]): void {
    tell({ files: files.length });
  }

  onTestModuleStart(module: TestModule): void {
    tell({ begun: nameOf(module) });
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    const where = `${nameOf(test.module)} > ${test.fullName}`;
    if (state === "failed") fails(where, errors);
    else if (state !== "pending") tell({ result: state });
  }

  onTestModuleEnd(module: TestModule): void {
    const errors = module.errors();
    if (errors.length > 0) fails(nameOf(module), errors);
    tell({ ended: nameOf(module) });
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    if (errors.length > 0) fails("outside of tests", errors);
  }
}
