// Runs into a BUG of its own, and says so for the rest of the case.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, { result, ...response }) => {
  const error = { code: -32000, message: "BUG at mmu.c:42" };
  return line({ ...response, ...(isAccess(request) ? { error } : { result }) });
});
