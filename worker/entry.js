// The Worker's entry. The wasm module is instantiated once, by the isolate's start; every request is one call into it.
import module from "./build/streamgage_worker_bg.wasm";
import { fetch, initSync } from "./build/streamgage_worker.js";

initSync({ module });

export default {
  /**
   * @param {Request} request
   * @param {unknown} env
   * @returns {Promise<Response> | Response}
   */
  fetch(request, env) {
    return fetch(request, env);
  },
};
