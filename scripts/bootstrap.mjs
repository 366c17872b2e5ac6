// @ts-check
// node scripts/bootstrap.mjs SCRIPT [ARGUMENT …]: installs the npm packages if package-lock.json has changed, then runs the
// script with the Node version from the packages. Requires Node 20 and no packages. package.json calls this script by exec,
// so that signals from npm are not sent to a shell.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "node_modules/.bin");
const stamp = join(root, "node_modules/.installed-from");
const lockHash = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lockHash) {
  const started = Date.now();
  console.log("npm packages: npm ci (about half a minute)");
  // No package needs its install script.
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", ["ci", ...flags], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    console.error("npm ci failed; see above");
    process.exit(1);
  }
  writeFileSync(stamp, lockHash);
  console.log(`npm packages: ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const isSupported = Number.parseInt(process.versions.node) >= 24;
const node = existsSync(join(bin, "node")) ? join(bin, "node") : process.execPath;
if (node === process.execPath && !isSupported) {
  console.error(
    `Node 24 is required, and npm does not provide it for ${process.platform}-${process.arch}: install it from nodejs.org.`,
  );
  process.exit(1);
}
const [script, ...args] = process.argv.slice(2);
const child = spawn(node, [join(root, script ?? ""), ...args], {
  stdio: "inherit",
  env: { ...process.env, PATH: bin + delimiter + process.env.PATH },
});
// Forwards signals and exits only after the child.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
  process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
