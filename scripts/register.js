// Lets node run the TypeScript sources directly: node --import ./scripts/register.js FILE.ts
import { allowTypeScript } from "./sources.js";

allowTypeScript();
