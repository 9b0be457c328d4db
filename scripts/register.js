// Lets node run the TypeScript sources directly: node --import ./scripts/register.js FILE.ts
import { register } from "node:module";

register("ts-node/esm", import.meta.url);
