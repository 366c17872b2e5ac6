// The Worker's entry. The wasm module is instantiated once, when the isolate starts; every request is one call into it,
// which answers at once where nothing has to be asked.
import module from "./build/streamgage_worker_bg.wasm";
import { fetch, initSync } from "./build/streamgage_worker.js";

initSync({ module });

export default {
  /**
   * @param {Request} request
   * @param {unknown} env
   * @returns {Promise<Response>}
   */
  async fetch(request, env) {
    try {
      return await fetch(request, env);
    } catch (error) {
      console.error(JSON.stringify({ level: "error", error: String(error) }));
      const headers = { "Content-Type": "application/json", "Cache-Control": "private, no-store" };
      return new Response('{"error":["Unknown error occurred"]}', { status: 500, headers });
    }
  },
};
