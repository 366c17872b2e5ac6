/** Starting the WebAssembly module. */
import { createBindings, type Bindings } from "./bindings.js";
import { hasTag, isBytes } from "./bytes.ts";
import { adopt, currentInstance } from "./instance.ts";
import type { BufferSource, Request, Response, URL, WasmModule } from "./platform.ts";
import { listPath } from "./queries.ts";

/** The WebAssembly module: its bytes, compiled, a response, or an address to fetch. */
export type Source = string | URL | Request | Response | BufferSource | WasmModule;

/** The argument of `init`: a source or a promise of one, optionally under the name that wasm-bindgen uses. */
export type Init = Source | Promise<Source> | { module_or_path: Source | Promise<Source> };

/** Finds the module of an entry of the package. */
type Loader = () => Source | Promise<Source>;

/** Starts that succeeded or are in progress, by source. A start that fails is removed, so that it can be retried. */
const starts = { strings: new Map<string, Promise<void>>(), objects: new WeakMap<object, Promise<void>>() };

/**
 * Creates the `init` of an entry.
 *
 * @param lists the module of the entry has lists
 * @param loaders ways to find the module, tried in order
 */
export const entry =
  (lists: boolean, ...loaders: Loader[]) =>
  (source?: Init): Promise<void> => {
    if (source !== undefined) return init(source);
    const current = currentInstance();
    if (current && (current.hasLists || !lists)) return Promise.resolve();
    return startOnce(loaders[0]!, async () => {
      let failure: unknown;
      for (const load of loaders)
        try {
          return await start(load());
        } catch (error) {
          failure ??= error;
        }
      throw failure;
    });
  };

/**
 * Starts the module of a source. Rejects if the source is no module of this package. A further call with the same source
 * has no effect, and a call after a failure tries again.
 */
export function init(source: Init): Promise<void> {
  const given = unwrap(source, "module_or_path") as Source | Promise<Source>;
  const key = given instanceof globalThis.URL ? given.href : given;
  return startOnce(key, () => start(given));
}

/** Returns the member of this name, or the source itself if it has none. */
const unwrap = (source: unknown, name: string): unknown =>
  isObject(source) && name in source ? source[name as never] : source;

function startOnce(key: unknown, work: () => Promise<void>): Promise<void> {
  if (!isObject(key) && typeof key !== "function" && typeof key !== "string")
    return Promise.reject(startError(NO_SOURCE));
  const map = (typeof key === "string" ? starts.strings : starts.objects) as Map<unknown, Promise<void>>;
  let started = map.get(key);
  if (started === undefined) {
    started = work().catch((error: unknown) => {
      map.delete(key);
      throw error;
    });
    map.set(key, started);
  }
  return started;
}

async function start(source: Source | Promise<Source>): Promise<void> {
  const glue = createBindings();
  try {
    connect(glue, await instantiate(await source, glue.imports() as WebAssembly.Imports));
  } catch (error) {
    throw asStartError(error);
  }
}

/** Starts the module synchronously from bytes or a compiled module. Browsers limit the size of such modules. */
export function initSync(source: BufferSource | WasmModule | { module: BufferSource | WasmModule }): void {
  const given = unwrap(source, "module") as BufferSource | WasmModule;
  if (isObject(given) && starts.objects.has(given)) return;
  const glue = createBindings();
  try {
    const compiled = isModule(given) ? given : new WebAssembly.Module(wasmBytes(given));
    connect(glue, new WebAssembly.Instance(compiled, glue.imports() as WebAssembly.Imports));
  } catch (error) {
    throw asStartError(error);
  }
  starts.objects.set(given, Promise.resolve());
}

function connect(glue: Bindings, instance: WebAssembly.Instance): void {
  const { exports } = instance;
  if (!("__wbindgen_start" in exports && "validate" in exports))
    throw startError("it is no module of this version of streamgage");
  const { memory } = glue.start(instance);
  adopt({ bindings: glue, hasLists: supportsLists(glue), memory });
}

function supportsLists(glue: Bindings): boolean {
  try {
    glue.validate({ path: listPath("commits"), query: "", today: "", origin: "" });
    return true;
  } catch {
    return false;
  }
}

async function instantiate(source: Source, imports: WebAssembly.Imports): Promise<WebAssembly.Instance> {
  if (isModule(source)) return WebAssembly.instantiate(source, imports);
  if (isBytes(source)) return (await WebAssembly.instantiate(wasmBytes(source), imports)).instance;
  // A test for `Response` would load the HTTP client of Node, which takes longer than to start the module.
  const response = isObject(source) && "arrayBuffer" in source ? source : await fetch(source);
  if ("ok" in response && !response.ok) throw startError(`the response has the status ${response.status}`);
  const isWasm = response.headers?.get("Content-Type")?.startsWith("application/wasm");
  if (isWasm && typeof WebAssembly.instantiateStreaming === "function" && response instanceof globalThis.Response)
    return (await WebAssembly.instantiateStreaming(response, imports)).instance;
  return (await WebAssembly.instantiate(wasmBytes(await response.arrayBuffer()), imports)).instance;
}

/** Checks that bytes start like a module, since a server may answer with a page. */
function wasmBytes(source: unknown): globalThis.BufferSource {
  if (!isBytes(source)) throw startError(NO_SOURCE);
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  if (String(bytes.subarray(0, 4)) === "0,97,115,109") return bytes as Uint8Array<ArrayBuffer>;
  throw startError(bytes[0] === 0x3c ? "the server sent a page instead of it" : "its bytes are no WebAssembly");
}

const NO_SOURCE = "it must be bytes, a compiled module, a response or an address";

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const isModule = (value: unknown): value is WebAssembly.Module => hasTag(value, "WebAssembly.Module");

class StartError extends Error {
  override name = "StartError";
}

const startError = (reason: string, cause?: unknown) =>
  new StartError(`The WebAssembly module cannot be started: ${reason}.`, { cause });

const asStartError = (error: unknown): StartError =>
  error instanceof StartError ? error : startError(error instanceof Error ? error.message : String(error), error);
