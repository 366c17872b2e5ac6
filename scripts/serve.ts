// Serves the Worker on a port of this machine by Miniflare: receives the settings from the parent process, sends a message
// when it listens, and ends with its parent. Unlike `wrangler dev`, it has no debug endpoints: no database explorer, no
// inspector, no triggers of handlers, no registry of other local Workers.
import { once } from "node:events";
import { join } from "node:path";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { UserError, filesIn, main, root } from "./lib.ts";

export type Settings = {
  port: number;
  /** The folder of the local databases. */
  state: string;
  vars: Record<string, string>;
};

let stopping = false;

function serve({ port, state, vars }: Settings): Miniflare {
  const config = unstable_readConfig({ config: join(root, "wrangler.jsonc") });
  const { workerOptions, main: entry } = unstable_getMiniflareWorkerOptions(config);
  const { modulesRules: _, ...options } = workerOptions;
  const { name } = config;
  if (name === undefined || entry === undefined) throw new UserError("wrangler.jsonc needs a name and an entry");
  const built = filesIn(join(root, "worker/build")).filter((file) => /\.(js|wasm)$/.test(file));
  const modules = [entry, ...built.map((file) => join(root, "worker/build", file))].map((path) => ({
    type: path.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const),
    path,
  }));
  return new Miniflare(
    convertV4MiniflareOptions({
      rootPath: root,
      host: "127.0.0.1",
      port,
      cf: false,
      logRequests: false,
      log: new Log(LogLevel.WARN),
      resourcePersistencePath: join(state, "v3"),
      unsafeLocalExplorer: false,
      unsafeTriggerHandlers: false,
      // Miniflare starts workerd again. A new start of everything is simpler to reason about.
      unsafeHandleRuntimeRestart: () => fail("workerd ended unexpectedly"),
      workers: [
        {
          ...options,
          name,
          modules,
          modulesRoot: root,
          // Miniflare never removes what it caches, and each import outdates all cached lists.
          cacheAPI: vars.UPSTREAM !== undefined,
          // Not the secrets of .dev.vars: those are for deployments.
          bindings: { ...config.vars, ...vars },
        },
      ],
    }),
  );
}

function fail(message: string): void {
  if (stopping) return;
  console.error(`error: ${message}`);
  process.exit(1);
}

await main(async () => {
  const [settings] = (await once(process, "message")) as [Settings];
  const miniflare = serve(settings);
  const stop = () => {
    stopping = true;
    void miniflare.dispose().finally(() => process.exit(0));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  await miniflare.ready;
  process.send?.("listens");
  // Rejects after a failed restart of workerd, which nothing else reports.
  setInterval(() => miniflare.ready.catch((error: Error) => fail(error.message)), 1000);
});
