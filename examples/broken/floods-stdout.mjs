// Sends notifications that nobody asked for: JSON-RPC, but no answers.
import { isAccess, line, speak } from "./speak.mjs";

const NOTE = line({ jsonrpc: "2.0", method: "log", params: { message: "nothing happens" } });

speak((request, response) =>
  isAccess(request) ? NOTE.repeat(10_000) + line(response) : line(response),
);
