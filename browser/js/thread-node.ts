/** The script of a worker of `node:worker_threads`, or of a Web Worker of Deno or Bun, for `streamgage/worker`. */
import { parentPort } from "node:worker_threads";
import { serve } from "./serve.ts";
import init from "./lists-inline.ts";
import type { Port } from "./protocol.ts";

serve((parentPort ?? self) as unknown as Port, init);
