// Finds or installs the programs that neither npm nor rustup's default toolchain provides.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { UserError, findOnPath, root, run, sha256, rebuildIfChanged } from "./lib.ts";

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "streamgage/tools");

const versionOf = (program: string): string => {
  try {
    return execFileSync(program, ["--version"], { encoding: "utf8" }).trim().split(" ").pop() ?? "";
  } catch {
    return "";
  }
};

/** Installs Rust on Cloudflare's build machines, which have none. Elsewhere the user must install it. */
export async function ensureCargo(): Promise<void> {
  if (findOnPath("cargo")) return;
  if (!process.env.WORKERS_CI) throw new UserError("cargo is missing: install it from https://rustup.rs");
  console.log("   installing Rust by rustup");
  await run("sh", ["-c", "curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --no-modify-path"]);
  process.env.PATH = join(homedir(), ".cargo/bin") + delimiter + process.env.PATH;
}

type CargoTool = { crate: string; program: string; version: string; duration: string; flags: string[] };

async function cargoTool({ crate, program, version, duration, flags }: CargoTool): Promise<string> {
  const found = findOnPath(program);
  if (found && versionOf(found) === version) return found;
  const folder = join(cache, `${crate}-${version}`);
  const installed = join(folder, "bin", program);
  if (!existsSync(installed)) {
    console.log(`   installing ${crate} ${version} into ${folder} (${duration} on two cores)`);
    // The tools compute little, so a fast build matters more than fast code.
    const env = {
      CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
      CARGO_PROFILE_RELEASE_LTO: "off",
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
      CARGO_PROFILE_RELEASE_DEBUG: "0",
    };
    await run("cargo", ["install", "--locked", ...flags, "--root", folder, `${crate}@${version}`], { env });
  }
  return installed;
}

/** The command line tool must have the version of the library in Cargo.lock. */
export function wasmBindgen(): Promise<string> {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = /^name = "wasm-bindgen"\nversion = "(.+)"$/m.exec(lock)?.[1];
  if (!version) throw new UserError("Cargo.lock does not contain wasm-bindgen");
  return cargoTool({ crate: "wasm-bindgen-cli", program: "wasm-bindgen", version, duration: "4 minutes", flags: [] });
}

export function wasmPack(): Promise<string> {
  return cargoTool({
    crate: "wasm-pack",
    program: "wasm-pack",
    version: "0.15.1",
    duration: "2 minutes",
    flags: ["--debug"],
  });
}

export function cargoMutants(): Promise<string> {
  return cargoTool({
    crate: "cargo-mutants",
    program: "cargo-mutants",
    version: "27.1.0",
    duration: "3 minutes",
    flags: [],
  });
}

export function cargoDeny(): Promise<string> {
  return cargoTool({ crate: "cargo-deny", program: "cargo-deny", version: "0.20.2", duration: "4 minutes", flags: [] });
}

export async function wasmTarget(target: "wasm32-unknown-unknown" | "wasm32v1-none"): Promise<void> {
  const libraries = execFileSync("rustc", ["--print", "target-libdir", "--target", target], {
    encoding: "utf8",
  }).trim();
  if (existsSync(libraries)) return;
  if (!findOnPath("rustup")) throw new UserError(`the Rust target ${target} is missing, and rustup is not installed`);
  await run("rustup", ["target", "add", target]);
}

/** Installs rustfmt and clippy, which rustup's minimal profile omits. */
export async function rustComponents(): Promise<void> {
  if (versionOf("cargo-fmt") !== "" && versionOf("cargo-clippy") !== "") return;
  if (!findOnPath("rustup")) throw new UserError("rustfmt or clippy is missing, and rustup is not installed");
  await run("rustup", ["component", "add", "rustfmt", "clippy"]);
}

/** Installs schemathesis into a virtual environment with pinned requirements, and returns its path. */
export async function schemathesis(requirements: string): Promise<string> {
  const pins = sha256(readFileSync(requirements));
  const folder = join(cache, `schemathesis-${pins.slice(0, 16)}`);
  const program = join(folder, "bin/schemathesis");
  await rebuildIfChanged(program, join(folder, "installed"), pins, async () => {
    const python = findOnPath("python3");
    if (!python)
      throw new UserError("python3 is missing: install Python 3.10 or newer (Debian: python3 and python3-venv)");
    console.log(`   installing schemathesis into ${folder} (half a minute)`);
    rmSync(folder, { recursive: true, force: true });
    await run(python, ["-m", "venv", folder]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await run(join(folder, "bin/python"), [...pip, "--requirement", requirements]);
  });
  return program;
}

/** Installs packages by apt-get, where that is possible. */
async function aptInstall(title: string, packages: string[]): Promise<void> {
  if (!findOnPath("apt-get") || process.getuid?.() !== 0) return;
  console.log(`   installing ${title} by apt-get (about a minute)`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  const flags = ["-y", "-qq", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends"];
  await run("apt-get", ["install", ...flags, ...packages], { env });
}

/** Finds or installs a C++ compiler, which libFuzzer is built with. */
export async function cppCompiler(): Promise<void> {
  const exists = () => [process.env.CXX ?? "c++", "c++"].some((program) => findOnPath(program));
  if (!exists()) await aptInstall("a C++ compiler", ["g++"]);
  if (!exists())
    throw new UserError(
      "no C++ compiler found: install one (Debian: apt-get install g++; macOS: xcode-select --install)",
    );
}

const CACHE_TESTS = "https://github.com/http-tests/cache-tests";
const CACHE_TESTS_COMMIT = "b55b8bda3dbb8c927c04e85bd8d496a8caa3e4ba";

/** Fetches the public suite of tests for HTTP caches, and returns its folder. git verifies the commit by its hash. */
export async function cacheTests(): Promise<string> {
  const folder = join(cache, `cache-tests-${CACHE_TESTS_COMMIT.slice(0, 7)}`);
  const git = (...args: string[]) => run("git", ["-C", folder, ...args]);
  if (!existsSync(join(folder, "tests/index.mjs"))) {
    console.log(`   fetching ${CACHE_TESTS} into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await git("init", "--quiet");
    await git("fetch", "--quiet", "--depth", "1", CACHE_TESTS, CACHE_TESTS_COMMIT);
  }
  await git("-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", CACHE_TESTS_COMMIT);
  return folder;
}

const browsers = [
  process.env.CHROME_PATH ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Finds or installs Chromium or Chrome and its driver. */
export async function chrome(): Promise<{ browser: string; driver: string }> {
  const find = () => ({
    browser: browsers.find((path) => path !== "" && existsSync(path)),
    driver: process.env.CHROMEDRIVER ?? findOnPath("chromedriver"),
  });
  let { browser, driver } = find();
  if (!browser || !driver) {
    await aptInstall("Chromium and its driver", ["chromium", "chromium-driver"]);
    ({ browser, driver } = find());
  }
  if (!browser)
    throw new UserError(
      "no Chrome or Chromium found: install one (Debian: apt-get install chromium chromium-driver; macOS: Google Chrome), " +
        "or set CHROME_PATH",
    );
  if (!driver)
    throw new UserError(
      `no chromedriver found for ${browser}: install it (Debian: chromium-driver; macOS: brew install chromedriver), ` +
        "or set CHROMEDRIVER",
    );
  return { browser, driver };
}

/** Returns PATH with the folders of some programs prepended. */
export const pathWith = (...programs: string[]): string => [...programs.map(dirname), process.env.PATH].join(":");
