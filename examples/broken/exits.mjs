// Panics in the middle of a case.
import { isAccess, line, speak, write } from "./speak.mjs";

speak((request, response) => {
  if (!isAccess(request)) return line(response);
  write("panic: index out of bounds\n  in handle_access\n", 2);
  process.exit(101);
});
