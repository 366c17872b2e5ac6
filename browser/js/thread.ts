/**
 * The script of a Web Worker for `streamgage/worker`. It contains the WebAssembly module: bundlers that build workers as
 * classic scripts reject an import of a further file.
 */
import { serve } from "./serve.ts";
import init from "./lists-inline.ts";
import type { Port } from "./protocol.ts";

serve(self as unknown as Port, init);
