// Runs workerd without wrangler, from a configuration in Cap'n Proto.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { UserError, root } from "./lib.ts";

/** The compatibility date of the deployed Worker. */
const compatibilityDate = /"compatibility_date": "(.+?)"/.exec(readFileSync(join(root, "wrangler.jsonc"), "utf8"))?.[1];

/** Configures a Worker. The first module is the entry, and paths are relative to the configuration file. */
export function worker(name: string, files: string[], options = ""): string {
  const module = (file: string) =>
    `(name = "${basename(file)}", ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${file}")`;
  return `(name = "${name}", worker = (compatibilityDate = "${compatibilityDate}", modules = [${files.map(module).join(", ")}]${options}))`;
}

/** Configures a local socket for a service. */
export const socket = (name: string, port: number, service: string): string =>
  `(name = "${name}", address = "127.0.0.1:${port}", http = (), service = "${service}")`;

const isListening = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const connection = connect(port, "127.0.0.1");
    connection.on("connect", () => (connection.destroy(), done(true))).on("error", () => done(false));
  });

export type Running = { ended: Promise<number | null>; stop(): Promise<void> };

/** Writes a configuration to a file and serves it until it is stopped or this process ends. Resolves when it listens. */
export async function serve(file: string, services: string[], sockets: string[], ports: number[]): Promise<Running> {
  for (const port of ports) if (await isListening(port)) throw new UserError(`port ${port} is in use`);
  const text = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")}
  ],
  sockets = [
    ${sockets.join(",\n    ")}
  ]
);
`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  const program: string = createRequire(import.meta.url)("workerd").default;
  const child = spawn(program, ["serve", file], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  // If this process is killed, the pipe closes and the shell stops the child.
  const guard = spawn("sh", ["-c", `trap "" INT TERM HUP; read -r _; kill ${child.pid} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  const listening = async () => {
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((next) => setTimeout(next, 20)))
      if ((await Promise.all(ports.map(isListening))).every(Boolean)) return;
    await stop();
    throw new UserError("workerd does not listen");
  };
  const failed = ended.then((code) => {
    throw new UserError(`workerd ended with exit code ${code}`);
  });
  failed.catch(() => {});
  await Promise.race([listening(), failed]);
  return { ended, stop };
}
