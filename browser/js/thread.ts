/** The script of a Web Worker for `streamgage/worker`. */
import { serve } from "./serve.ts";
import init from "./lists.ts";
import type { Port } from "./protocol.ts";

serve(self as unknown as Port, init);
