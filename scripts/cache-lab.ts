// npm run cache-lab: the cache layer alone, in workerd, in front of an upstream of this machine; for conformance suites.
import { globSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, main, root } from "./lib.ts";
import { buildWasm } from "./wasm.ts";
import { serve, socket, worker, type Running } from "./workerd.ts";

const usage = "npm run cache-lab -- --upstream http://127.0.0.1:PORT [--port 8790]";
const build = "worker/build-lab";

/** The laboratory between a port and an upstream. */
export async function startLab(upstream: URL, port: number): Promise<Running> {
  await buildWasm({ crate: "streamgage-lab", out: build, name: "streamgage_lab" });
  const snippets = globSync("snippets/**/*.js", { cwd: join(root, build) });
  const files = ["../lab/entry.js", "streamgage_lab.js", "streamgage_lab_bg.wasm", ...snippets];
  const bindings = `(name = "UPSTREAM", service = "upstream"), (name = "ORIGIN", text = "${upstream.origin}")`;
  const services = [
    worker("lab", files, `, bindings = [${bindings}], cacheApiOutbound = "memory", globalOutbound = "nowhere"`),
    worker("memory", ["../lab/memory-cache.js"]),
    `(name = "upstream", external = (address = "${upstream.host}", http = ()))`,
    `(name = "nowhere", network = (allow = []))`,
  ];
  return serve(join(root, build, "lab.capnp"), services, [socket("lab", port, "lab")], [port]);
}

function options(): { upstream: URL; port: number } {
  const { values } = parseArgs({
    options: { upstream: { type: "string" }, port: { type: "string", default: "8790" } },
  });
  const upstream = URL.parse(values.upstream ?? "");
  if (upstream?.protocol !== "http:" || !["127.0.0.1", "localhost", "[::1]"].includes(upstream.hostname))
    throw new Failure(`--upstream has to be an http: address of this machine\n${usage}`);
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : 0;
  if (port < 1 || port > 65535) throw new Failure(`--port ${values.port} is no port\n${usage}`);
  if (upstream.port === "") upstream.port = "80";
  return { upstream, port };
}

if (import.meta.main)
  await main(async () => {
    const { upstream, port } = options();
    const lab = await startLab(upstream, port);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void lab.stop());
    console.log(`ready http://127.0.0.1:${port}`);
    await lab.ended;
    process.exit(0);
  });
