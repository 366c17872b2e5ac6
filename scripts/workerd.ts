// workerd by itself, without wrangler: services from a configuration in Cap'n Proto.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { UserError, root } from "./lib.ts";

/** The compatibility date that the Worker is deployed with. */
const compatibilityDate = /"compatibility_date": "(.+?)"/.exec(readFileSync(join(root, "wrangler.jsonc"), "utf8"))?.[1];

/** A Worker of JavaScript and wasm modules, the first being the entry: files, from the folder of the configuration. */
export function worker(name: string, files: string[], rest = ""): string {
  // What a crate brings of JavaScript is imported from its folder, and all else from beside the entry.
  const nameOf = (file: string) => (file.startsWith("snippets/") ? file : basename(file));
  const module = (file: string) =>
    `(name = "${nameOf(file)}", ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${file}")`;
  return `(name = "${name}", worker = (compatibilityDate = "${compatibilityDate}", modules = [${files.map(module).join(", ")}]${rest}))`;
}

/** A socket of this machine that leads to a service. */
export const socket = (name: string, port: number, service: string): string =>
  `(name = "${name}", address = "127.0.0.1:${port}", http = (), service = "${service}")`;

const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const connection = connect(port, "127.0.0.1");
    connection.on("connect", () => (connection.destroy(), done(true))).on("error", () => done(false));
  });

export type Running = { ended: Promise<number | null>; stop(): Promise<void> };

/** Serves a configuration, written to that file, until it is stopped or this process ends; resolves when it listens. */
export async function serve(file: string, services: string[], sockets: string[], ports: number[]): Promise<Running> {
  for (const port of ports) if (await answers(port)) throw new UserError(`port ${port} is taken`);
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
  // When this process is killed outright, its end of the pipe closes, and the shell that reads it ends the child.
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
      if ((await Promise.all(ports.map(answers))).every(Boolean)) return;
    await stop();
    throw new UserError("workerd does not listen");
  };
  const died = ended.then((code) => {
    throw new UserError(`workerd ended with exit code ${code}`);
  });
  died.catch(() => {});
  await Promise.race([listening(), died]);
  return { ended, stop };
}
