import { CannotAssess, ConversationError, GivesUp } from "./failure.ts";
import type { Request } from "./messages.ts";
import { mistakeIn } from "./validate-message.ts";

/** The code of a kernel that cannot go on with a case. */
export const GIVES_UP = -32000;
/** The code of an implementation that lacks what a case needs after all. */
export const CANNOT_ASSESS = -32001;

/**
 * Reads the line that must answer a request.
 * @returns the result, fitting the schema. @throws ConversationError, GivesUp, CannotAssess
 */
export function readResponse(line: string, request: Request): Readonly<Record<string, unknown>> {
  const message = parsed(line);
  const { id, result, error } = message;
  if (message["jsonrpc"] !== "2.0") throw wrong(`a line without "jsonrpc": "2.0": ${shown(line)}`);
  // Who cannot read a request does not know its id.
  if (id !== request.id && !(id === null && error !== undefined)) {
    throw wrong(typeof id === "number" ? wrongId(id, request) : withoutId(line));
  }
  if (error !== undefined) throw refusal(error, request);
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    throw wrong(`the answer to ${asked(request)} has no object as its result: ${shown(line)}`);
  }
  const mistake = mistakeIn(result, request);
  if (mistake !== null) throw wrong(`in the answer to ${asked(request)}, ${mistake}`);
  return result as Readonly<Record<string, unknown>>;
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    throw wrong(`a line that is not JSON: ${shown(line)}`);
  }
  if (typeof message === "object" && message !== null && !Array.isArray(message)) {
    return message as Readonly<Record<string, unknown>>;
  }
  throw wrong(`a line that is no JSON-RPC message: ${shown(line)}`);
}

function refusal(error: unknown, request: Request): ConversationError | GivesUp | CannotAssess {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const text = typeof message === "string" ? message : "no message";
  if (request.method !== "initialize") {
    if (code === GIVES_UP) return new GivesUp(text);
    if (code === CANNOT_ASSESS) return new CannotAssess(text);
  }
  return wrong(`${asked(request)} is answered by error ${String(code)}: ${text}`);
}

const withoutId = (line: string): string => `an answer without the id of a request: ${shown(line)}`;

function wrongId(id: number, request: Request): string {
  if (id < request.id) return `a second answer to request ${id}`;
  return `an answer to request ${id} before that to request ${request.id}`;
}

/** A request in a few words: `request 7 (step access)`. */
function asked({ id, method, ...rest }: Request): string {
  const step = method === "step" && "do" in rest.params ? ` ${rest.params.do}` : "";
  return `request ${id} (${method}${step})`;
}

const wrong = (message: string): ConversationError =>
  new ConversationError("protocol-error", message);

/** The beginning of what was said. */
export function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
