// Answers with a line of 1 GB, as when a dump of memory slips into a field.
import { isAccess, line, speak, write } from "./speak.mjs";

const MEGABYTE = "0".repeat(2 ** 20);

speak((request, response) => {
  if (!isAccess(request)) return line(response);
  for (let i = 0; i < 1024; i++) write(MEGABYTE);
  return "\n";
});
