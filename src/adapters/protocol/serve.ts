import type { DefinedVm, ImplementationDefinition } from "./definition.ts";
import { CannotAssess, GivesUp } from "./failure.ts";
import { type Introduction, PROTOCOL_VERSION, type Request } from "./messages.ts";
import { CANNOT_ASSESS, GIVES_UP } from "./response.ts";

class UnknownMethod extends Error {}

/** Answers the requests of the protocol with a definition. */
export class Server {
  readonly #definition: ImplementationDefinition;
  #vm: DefinedVm | null = null;
  /** Why it cannot go on with the case. */
  #end: GivesUp | CannotAssess | null = null;

  constructor(definition: ImplementationDefinition) {
    this.#definition = definition;
  }

  /** The line that answers a line. */
  async answer(line: string): Promise<string> {
    let request: Request;
    try {
      request = JSON.parse(line) as Request;
    } catch {
      return refusal(null, -32700, "that is not JSON");
    }
    if (typeof (request as Partial<Request> | null)?.method !== "string") {
      return refusal(null, -32600, "that is no request");
    }
    try {
      return JSON.stringify({ jsonrpc: "2.0", id: request.id, result: await this.#do(request) });
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof UnknownMethod) return refusal(request.id, -32601, message);
      if (!(error instanceof GivesUp || error instanceof CannotAssess)) {
        return refusal(request.id, -32603, message);
      }
      this.#end = error;
      return refusal(request.id, error instanceof GivesUp ? GIVES_UP : CANNOT_ASSESS, message);
    }
  }

  async #do(request: Request): Promise<object> {
    switch (request.method) {
      case "initialize":
        return introductionOf(this.#definition);
      case "reset": {
        this.#vm = this.#end = null;
        const { machine, events } = request.params;
        this.#vm = this.#definition.create(machine, new Set(events));
        return {};
      }
      case "step":
        if (this.#end !== null) throw this.#end;
        if (this.#vm === null) throw new GivesUp("there is no VM; reset comes first");
        return this.#vm.step(request.params);
      case "shutdown":
        return {};
      default:
        throw new UnknownMethod(`there is no method ${(request as { method: string }).method}`);
    }
  }
}

export function introductionOf({
  create: _create,
  ...said
}: ImplementationDefinition): Introduction {
  return { protocol: PROTOCOL_VERSION, ...said };
}

const refusal = (id: number | null, code: number, message: string): string =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });
