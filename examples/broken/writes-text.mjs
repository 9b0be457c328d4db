// Writes what it does to stdout, among the answers.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, response) =>
  isAccess(request) ? `handling ${request.params.gpa}\n${line(response)}` : line(response),
);
