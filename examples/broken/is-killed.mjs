// Dies of a signal in the middle of a case, as when memory runs out.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, response) => {
  if (isAccess(request)) process.kill(process.pid, "SIGKILL");
  return line(response);
});
