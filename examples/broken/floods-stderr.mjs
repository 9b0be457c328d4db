// Traces without end: 1 GB on stderr before it answers.
import { isAccess, line, speak, write } from "./speak.mjs";

const TRACE = "kvm: trace: nothing happens\n".repeat(10_000);

speak((request, response) => {
  if (isAccess(request)) for (let i = 0; i < 4000; i++) write(TRACE, 2);
  return line(response);
});
