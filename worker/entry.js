// The Worker's entry. The wasm module is instantiated once, when the isolate starts; every request is one call into it,
// which answers at once where nothing has to be asked.
import { DurableObject } from "cloudflare:workers";
import module from "./build/streamgage_worker_bg.wasm";
import { fetch, initSync, PartitionKeeper, scheduled } from "./build/streamgage_worker.js";

initSync({ module });

// Where the module's futures go on. workerd's own leads through the embedder, which is slower.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

/**
 * @param {unknown} error
 * @returns {Response}
 */
function failed(error) {
  console.error(JSON.stringify({ level: "error", error: String(error) }));
  const headers = { "Content-Type": "application/json", "Cache-Control": "private, no-store" };
  return new Response('{"error":["Unknown error occurred"]}', { status: 500, headers });
}

/**
 * What is answered at once comes as one text: in a line the head, unless it is that of the answer before, and behind it
 * the body, if there is one.
 * @param {string} text
 * @returns {Response}
 */
function made(text) {
  const end = text.indexOf("\n");
  if (end > 0) {
    // Should the head be none, those that are sent with it from now on are no answers.
    last = none;
    last = new Response(null, JSON.parse(text.slice(0, end)));
  }
  return new Response(text.slice(end + 1) || null, last);
}

const none = new Response(null, { status: 500, headers: { "Cache-Control": "private, no-store" } });

/** A response with the last head: another is made like it in two thirds of the time that a head takes. */
let last = none;

export default {
  /**
   * @param {Request} request
   * @param {{ CORS_ORIGINS?: string }} env
   * @param {unknown} context
   * @returns {Response | Promise<Response>}
   */
  fetch(request, env, context) {
    try {
      // One text: each that crosses into wasm costs as much. No line holds a line's end. A header costs as well, so what
      // pages of other origins send is read only where it counts.
      const { method, url, headers } = request;
      const origin = env.CORS_ORIGINS ? headers.get("Origin") : null;
      const preflight = method === "OPTIONS" ? headers.get("Access-Control-Request-Method") : null;
      const [key, tags] = [headers.get("Authorization"), headers.get("If-None-Match")];
      const lines = [method, url, key, origin, preflight, tags].join("\n");
      const answer = fetch(lines, request, env, context);
      return typeof answer === "string" ? made(answer) : answer.catch(failed);
    } catch (error) {
      return failed(error);
    }
  },

  /**
   * @param {unknown} _controller
   * @param {unknown} env
   */
  scheduled(_controller, env) {
    return scheduled(env);
  },
};

/** What the proxy keeps for one key, and the one who asks the upstream with it. */
export class Partition extends DurableObject {
  #keeper;

  /**
   * @param {unknown} state
   * @param {unknown} env
   */
  constructor(state, env) {
    super(state, env);
    this.#keeper = new PartitionKeeper(state, env);
  }

  /** @param {Request} request */
  fetch(request) {
    return this.#keeper.fetch(request);
  }

  alarm() {
    return this.#keeper.alarm();
  }
}
