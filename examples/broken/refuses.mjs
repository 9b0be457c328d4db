// Promises accesses and does not know them.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, { result, ...response }) => {
  const error = { code: -32601, message: "Method not found" };
  return line({ ...response, ...(isAccess(request) ? { error } : { result }) });
});
