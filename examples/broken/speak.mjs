// What the others share: the conversation, and a machine that is right as far as it goes. By itself
// it conforms; the others say what they do otherwise.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const introduction = {
  protocol: 1,
  name: "broken example",
  version: "1",
  capabilities: ["operation:create_vcpu", "operation:set_memory_region", "operation:access"],
  machine: { address_spaces: 2, physical_address_width: 40 },
};

/** Nothing is mapped. An MMIO access is found by its page: in the cache, in an SPTE, or nowhere. */
class Machine {
  vcpus = 0;
  cached = "";
  known = new Set();

  do({ do: step, gpa }) {
    if (step === "create_vcpu") return { vcpu: this.vcpus++ };
    if (step === "set_memory_region") return { result: "ok" };
    const via = gpa === this.cached ? "cache" : this.known.has(gpa) ? "spte" : "fault";
    this.known.add((this.cached = gpa));
    return { outcome: "mmio", via, gpa };
  }
}

/** Writes to stdout, or to stderr (2), and comes back when all of it is out. */
export function write(text, to = 1) {
  writeSync(to, text);
}

/** A message as a line. */
export const line = (message) => `${JSON.stringify(message)}\n`;

/**
 * Answers every request.
 * @param reply what to write, given a request and the right response to it.
 */
export function speak(reply = (request, response) => line(response)) {
  let machine = new Machine();
  const right = ({ method, params }) => {
    if (method === "initialize") return introduction;
    if (method === "step") return machine.do(params);
    machine = new Machine();
    return {};
  };
  createInterface({ input: process.stdin }).on("line", (text) => {
    const request = JSON.parse(text);
    const response = { jsonrpc: "2.0", id: request.id, result: right(request) };
    write(reply(request, response));
  });
}

export const isAccess = ({ params }) => params.do === "access";

if (import.meta.url === pathToFileURL(process.argv[1]).href) speak();
