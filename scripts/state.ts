// The folder of local databases, keys and the demo dump. Other users of this machine must not read it.
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError, root } from "./lib.ts";

export const stateFolder = process.env.STREAMGAGE_HOME ?? join(root, ".streamgage");

/** The entries that `npm start` writes. The folder may be one that has others, too. */
const entries = ["cache-secret", "demo", "demo.made-by", "git", "key", "state"];

/** Makes all state private: what exists, and what this process and its children write from now on, whatever the umask. */
export function protectState(): void {
  process.umask(0o077);
  mkdirSync(stateFolder, { recursive: true });
  const { uid, mode } = statSync(stateFolder);
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) throw new UserError(`${stateFolder} belongs to another user`);
  // In a shared folder such as /tmp, only the entries are private.
  if ((mode & 0o1000) === 0) chmodSync(stateFolder, 0o700);
  for (const path of entries.map((name) => join(stateFolder, name)).filter(existsSync)) {
    if (self !== undefined && lstatSync(path).uid !== self) throw new UserError(`${path} belongs to another user`);
    restrict(path);
  }
}

/** Removes the permissions of other users from a file, or from a folder and all of its entries. Links are left as they are. */
function restrict(path: string): void {
  const stats = lstatSync(path);
  if (stats.isFile()) chmodSync(path, 0o600);
  if (!stats.isDirectory()) return;
  chmodSync(path, 0o700);
  for (const name of readdirSync(path)) restrict(join(path, name));
}
