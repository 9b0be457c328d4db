// Writes addresses as numbers, which JSON readers round above 2^53.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, response) => {
  if (isAccess(request)) response.result.gpa = Number(response.result.gpa);
  return line(response);
});
