// The Worker's entry: loads the module. After a trap, the next call into the module reinitializes it.
import { DurableObject } from "cloudflare:workers";
import module from "./build/streamgage_worker_bg.wasm";
import * as wasm from "./build/streamgage_worker.js";

wasm.initSync({ module });

export default { fetch: wasm.fetch, scheduled: wasm.scheduled };

export class Partition extends DurableObject {
  #instance;
  #partition;

  /** Returns the object of the module, or a new one if the module was reinitialized since. */
  #current() {
    const { instanceId } = wasm.__worker_init_state();
    if (this.#instance !== instanceId) {
      this.#partition = new wasm.Partition(this.ctx, this.env);
      this.#instance = instanceId;
    }
    return this.#partition;
  }

  /** @param {Request} request */
  fetch(request) {
    return this.#current().fetch(request);
  }

  alarm() {
    return this.#current().alarm();
  }
}
