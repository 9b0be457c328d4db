// Numbers its answers by itself, and loses count.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, response) => line(isAccess(request) ? { ...response, id: 1_000_000 } : response));
