// npm test [-- STEP … | FILE …]: runs all checks, the named steps, or the tests of a file, such as
// tests/worker/proxy.test.ts. Stops at the first failure.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildBrowser } from "./build-browser.ts";
import { buildPage } from "./build-page.ts";
import { buildWorker } from "./build-worker.ts";
import { fuzz, targets } from "./fuzz.ts";
import { UserError, main, findOnPath, root, run, seconds } from "./lib.ts";
import { chrome, pathWith, rustComponents, wasmBindgen, wasmPack, wasmTarget } from "./tools.ts";

/** The seconds of each fuzz target after the inputs of fuzz/corpus. `npm run fuzz` runs longer. */
const FUZZ_SECONDS = 10;

const cargo = (...args: string[]) => run("cargo", args);

/** Builds something that several steps need at most once per run. */
const once = (work: () => Promise<unknown>) => {
  let result: Promise<unknown> | undefined;
  return () => (result ??= work());
};
const builtCli = once(() => cargo("build", "--locked", "--release", "--bin", "streamgage"));
const builtWorker = once(() => buildWorker(false));
const builtBrowser = once(buildBrowser);
const builtPage = once(async () => {
  await builtBrowser();
  await buildPage();
});

/** Test files to run instead of all files of their folders. The folder of a file has the name of its step. */
const requestedFiles: string[] = [];

async function nodeTests(folder: string): Promise<void> {
  const requested = requestedFiles.filter((file) => file.startsWith(`${folder}/`));
  await run("node", ["--test", ...(requested.length > 0 ? requested : [`${folder}/**/*.test.{ts,mjs}`])]);
}

/** Finds or installs a browser for the tests, and returns its driver. */
async function useChrome(): Promise<string> {
  const { browser, driver } = await chrome();
  process.env.CHROME_PATH = browser;
  return driver;
}

export const steps: Record<string, () => Promise<void>> = {
  async format() {
    await rustComponents();
    await cargo("fmt", "--all", "--check");
    await cargo("fmt", "--manifest-path", "fuzz/Cargo.toml", "--check");
    await run("prettier", ["--check", "--log-level", "warn", "."]);
  },
  async clippy() {
    await rustComponents();
    await cargo("clippy", "--locked", "--all-targets", "--", "--deny", "warnings");
    await wasmTarget("wasm32-unknown-unknown");
    const wasmCrates = ["streamgage-worker", "streamgage-browser"].flatMap((name) => ["--package", name]);
    const target = ["--target", "wasm32-unknown-unknown"];
    await cargo("clippy", "--locked", ...target, ...wasmCrates, "--all-targets", "--", "--deny", "warnings");
    const fuzz = ["--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target", "--no-default-features"];
    await cargo("clippy", "--locked", ...fuzz, "--", "--deny", "warnings");
  },
  async structure() {
    await nodeTests("tests/structure");
  },
  async types() {
    await builtBrowser();
    await run("tsc", []);
    await run("tsc", ["--project", "www"]);
  },
  async native() {
    if (findOnPath("cargo-nextest")) await cargo("nextest", "run", "--locked");
    else await cargo("test", "--locked", "--lib", "--bins", "--tests");
    await cargo("test", "--locked", "--doc");
  },
  async fuzz() {
    await fuzz(targets, FUZZ_SECONDS);
  },
  async "no-std"() {
    await wasmTarget("wasm32v1-none");
    await cargo("build", "--locked", "--package", "streamgage", "--no-default-features", "--target", "wasm32v1-none");
  },
  async reference() {
    await builtCli();
    await nodeTests("tests/reference");
  },
  async cli() {
    await builtCli();
    await nodeTests("tests/cli");
  },
  async browser() {
    await wasmTarget("wasm32-unknown-unknown");
    const [pack, bindgen, driver] = [await wasmPack(), await wasmBindgen(), await useChrome()];
    const flags = ["--headless", "--chrome", "--chromedriver", driver, "--mode", "no-install"];
    await run(pack, ["test", ...flags, "browser"], { env: { PATH: pathWith(bindgen) } });
  },
  async package() {
    await builtCli();
    await builtBrowser();
    await useChrome();
    await nodeTests("tests/package");
  },
  async worker() {
    await builtCli();
    await builtWorker();
    await builtPage();
    await nodeTests("tests/worker");
  },
  async bundle() {
    await builtPage();
    await nodeTests("tests/bundle");
  },
  async page() {
    await useChrome();
    await builtPage();
    await nodeTests("tests/page");
  },
  async start() {
    await useChrome();
    await nodeTests("tests/start");
  },
};

if (import.meta.main)
  await main(async () => {
    const args = process.argv.slice(2);
    requestedFiles.push(
      ...args.filter((arg) => /^tests\/.*\.test\.(ts|mjs)$/.test(arg) && existsSync(join(root, arg))),
    );
    const requested = [...new Set(args.map((arg) => (requestedFiles.includes(arg) ? (arg.split("/")[1] ?? "") : arg)))];
    const unknown = requested.find((name) => !(name in steps));
    if (unknown) throw new UserError(`unknown step ${unknown}; the steps are ${Object.keys(steps).join(", ")}`);
    console.log(
      existsSync(join(root, "../shared/conformance"))
        ? "conformance: ../shared and tests/corpus"
        : "conformance: tests/corpus (../shared does not exist)",
    );
    const rows: string[] = [];
    let failed: string | undefined;
    for (const name of requested.length > 0 ? requested : Object.keys(steps)) {
      const started = performance.now();
      console.log(`\n== ${name}`);
      await steps[name]?.().catch((error: unknown) => {
        failed = name;
        console.error(error instanceof UserError ? `error: ${error.message}` : error);
      });
      rows.push(`${failed ? "FAILED" : "ok    "}  ${name.padEnd(12)}${seconds(started).padStart(8)}`);
      if (failed) break;
    }
    console.log(`\n${rows.join("\n")}`);
    console.log(`steps: ${rows.length - (failed ? 1 : 0)} passed, ${failed ? 1 : 0} failed`);
    if (failed) throw new UserError(`${failed} failed; to repeat only this step: npm test -- ${failed}`);
  });
