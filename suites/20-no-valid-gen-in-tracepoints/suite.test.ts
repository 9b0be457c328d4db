import { describeSuite } from "../support/describe-suite.ts";

describeSuite(20);
