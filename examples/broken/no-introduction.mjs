// Answers `initialize` as if it were a ping.
import { line, speak } from "./speak.mjs";

speak((request, response) =>
  line(request.method === "initialize" ? { ...response, result: {} } : response),
);
