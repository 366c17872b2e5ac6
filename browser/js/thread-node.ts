/** The script of a `Worker` of `node:worker_threads` for `streamgage/worker`. */
import { parentPort } from "node:worker_threads";
import { serve } from "./serve.ts";
import init from "./lists-node.ts";
import type { Port } from "./protocol.ts";

serve(parentPort as unknown as Port, init);
