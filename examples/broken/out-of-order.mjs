// Gives requests to workers and answers as they come back: the first access of a case is slow.
import { isAccess, line, speak } from "./speak.mjs";

let slow = "";

speak((request, response) => {
  if (!isAccess(request)) return line(response);
  if (slow === "") {
    slow = line(response);
    return "";
  }
  return line(response) + slow;
});
