/** The script of a Web Worker that `streamgage/worker` connects to, or that is one of `streamgage/threads`. */
import { serve } from "./serve.ts";
import { share } from "./share.ts";
import init from "./lists.ts";
import type { Port } from "./worker.ts";

const port = self as unknown as Port;
serve(port, init);
share(port, init);
