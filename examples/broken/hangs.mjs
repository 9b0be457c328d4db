// Never answers an access, as if waiting for a lock that nobody gives back.
import { isAccess, line, speak } from "./speak.mjs";

speak((request, response) => (isAccess(request) ? "" : line(response)));
