/** The same for Node, in a `Worker` of `node:worker_threads`. */
import { parentPort } from "node:worker_threads";
import { serve } from "./serve.ts";
import { share } from "./share.ts";
import init from "./lists-node.ts";
import type { Port } from "./worker.ts";

const port = parentPort as unknown as Port;
serve(port, init);
share(port, init);
