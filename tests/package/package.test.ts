// Packs the package, installs it into projects of several kinds, and compares the responses there with those of
// `streamgage query`, to the byte.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import type { Browser } from "playwright-core";
import { build as vite, createServer } from "vite";
import webpack from "webpack";
import { createTestHarness } from "wrangler";
import { quiet } from "../../scripts/wrangler.ts";
import { corpora, METRICS, root } from "../conformance.ts";
import { codeBlocks } from "../consumers/code-blocks.ts";
import { listCases } from "../list-cases.ts";
import { launch } from "../page/chromium.ts";

Object.assign(process.env, quiet);

const dist = join(root, "browser/dist");
const work = realpathSync(mkdtempSync(join(tmpdir(), "streamgage-package-")));
const bin = (name: string): string => join(root, "node_modules/.bin", name);

function run(command: string, args: string[], cwd: string): string {
  const done = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(done.status, 0, `${command} ${args.join(" ")}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

const tarball = join(work, "streamgage.tgz");

/** Creates a project from a folder beside this file, and installs the package there. */
function consumer(name: string, as = name): string {
  const folder = join(work, as);
  cpSync(join(import.meta.dirname, name), folder, { recursive: true });
  cpSync(join(import.meta.dirname, "answers.js"), join(folder, "answers.js"));
  writeFileSync(join(folder, "package.json"), `{"private":true,"type":"module"}`);
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], folder);
  return folder;
}

const ORIGIN = "https://v3.test";
const RESOURCES = ["commits", "users", "teams", "team_membership", "repos", "tags", "user_alias"];

/** A dump with requests, and the responses of `streamgage query`. */
type Corpus = { name: string; file: string; expected: string[] };

/** Requests for every dump. */
const LISTS = [
  ...RESOURCES.map((resource) => `/v3/customer/core/${resource}/?limit=3&offset=1`),
  "/v3/customer/core/tickets/?state=open&search=login&ordering=-created_at",
  "/v3/customer/core/roles/?page=1&page_size=2",
  "/v3/customer/core/roles/?page=2",
  "/v3/customer/core/users/?ordering=-name&omit=email,teams",
  "/v3/customer/core/commits/?apply_default_filters=true&haloc__gte=10&ordering=-impact,id&fields=id,impact,message",
  "/v3/customer/core/commits/1/",
  "/v3/customer/core/commits/404404/",
  "/v3/customer/core/commits/?haloc=x&author_date__lt=soon",
  "/v3/customer/core/commits/?filters=bad",
  "/v3/customer/core/commits.agg/?aggregate[count]=id&aggregate[sum]=haloc,churn,impact,risk&group_by[apex_user_id,author_local_date__date]&limit=7",
];

function corpusOf(name: string, dump: string, today: string, requests: string[]): Corpus {
  const file = (resource: string) => join(dump, `${resource}.ndjson`);
  const held = RESOURCES.filter((resource) => existsSync(file(resource)));
  const rows = Object.fromEntries(held.map((resource) => [resource, readFileSync(file(resource), "utf8")]));
  const path = join(work, `${name.replace(/\W+/g, "-")}.json`);
  writeFileSync(path, JSON.stringify({ rows, requests, today, origin: ORIGIN }));
  const program = join(root, "target/release/streamgage");
  const args = ["query", dump, "--today", today, "--base", ORIGIN, "-"];
  const done = spawnSync(program, args, { input: requests.map((each) => `${each}\n`).join(""), maxBuffer: 1 << 28 });
  assert.equal(done.status, 0, String(done.stderr));
  return { name, file: path, expected: String(done.stdout).split("\n").slice(0, -1) };
}

const metrics = corpora().map(({ name, dump, today, cases }) =>
  corpusOf(name, dump, today, [...cases.map(({ query }) => `${METRICS}?${query}`), ...LISTS]),
);
const values = corpusOf("values", join(root, "tests/values"), "2026-07-01", [
  "/v3/customer/core/commits/",
  "/v3/customer/core/commits/1000/",
  "/v3/customer/core/commits.agg/?aggregate[count]=id&aggregate[sum]=haloc,impact,risk&group_by[author_local_date__date]",
]);
assert.ok(
  values.expected[0]?.includes(readFileSync(join(root, "tests/values/shown.ndjson"), "utf8").split("\n")[0] ?? "-"),
);
const lists = listCases();
const all = lists
  ? [
      ...metrics,
      values,
      corpusOf(
        "lists",
        lists.dump,
        "2026-01-01",
        lists.cases.map(({ request }) => request),
      ),
    ]
  : [...metrics, values];

function agree(corpus: Corpus, lines: string[]): void {
  assert.equal(lines.length, corpus.expected.length);
  for (const [at, line] of lines.entries()) assert.equal(line, corpus.expected[at], `${corpus.name} ${at}`);
}

let browser: Browser;
let server: Server;
let base = "";

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

before(async () => {
  const packed = run("npm", ["pack", dist, "--json", "--loglevel=error"], work);
  cpSync(join(work, (JSON.parse(packed) as { filename: string }[])[0]?.filename ?? ""), tarball);
  browser = await launch();
  server = createHttpServer((request, response) => {
    const path = join(work, decodeURIComponent((request.url ?? "").split("?")[0] ?? ""));
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    if (!path.startsWith(work) || !existsSync(path)) return response.writeHead(404).end();
    const type = TYPES[extname(path)] ?? "text/plain";
    const headers = { "Content-Type": type, "Access-Control-Allow-Origin": "*" };
    response.writeHead(200, headers).end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(work, { recursive: true, force: true });
});

/** Opens a page of a project, which answers every corpus. */
async function inBrowser(path: string, run = "run", origin = base): Promise<unknown[]> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(`${origin}/${path}`);
  await page.waitForFunction("globalThis.run !== undefined").catch((error: unknown) => {
    throw new Error(`${path}: ${complaints.join("; ") || error}`);
  });
  const results = [];
  for (const corpus of all) {
    const name = corpus.file.slice(work.length);
    const [call, url] = [JSON.stringify(run), JSON.stringify(base + name)];
    results.push(await page.evaluate(`globalThis[${call}](${url})`));
  }
  await page.close();
  assert.deepEqual(complaints, []);
  return results;
}

async function browserAgrees(path: string, origin = base): Promise<void> {
  const results = await inBrowser(path, "run", origin);
  for (const [at, corpus] of all.entries()) agree(corpus, results[at] as string[]);
}

test("publint and attw report no problem", () => {
  run(bin("publint"), ["--strict", tarball], work);
  run(bin("attw"), ["--profile", "esm-only", tarball], work);
});

test("the package contains all files", () => {
  const files = run("tar", ["-tzf", tarball], work)
    .split("\n")
    .filter(Boolean)
    .map((file) => file.slice("package/".length));
  for (const file of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "streamgage_bg.wasm", "streamgage_bg.wasm.d.ts"])
    assert.ok(files.includes(file), file);
  const modules = files.filter((file) => file.endsWith(".js") && !/^bindings\.js$|_bg\.base64\.js$/.test(file));
  for (const file of modules) {
    assert.ok(files.includes(`${file}.map`), `the source map of ${file}`);
    assert.ok(files.includes(file.replace(/js$/, "d.ts")), `the types of ${file}`);
  }
});

test("sizes, gzipped: the core at most 90 KB, with lists 200 KB, all JavaScript 12 KB minified", async (context) => {
  const options = { bundle: true, minify: true, write: false, format: "esm", target: "es2022" } as const;
  const everything = `export * from "./slim.js"; export * from "./worker.js"; export { default } from "./slim.js";`;
  const bundle = await esbuild({ ...options, stdin: { contents: everything, resolveDir: dist } });
  const core = gzipSync(readFileSync(join(dist, "streamgage_bg.wasm"))).length;
  const lists = gzipSync(readFileSync(join(dist, "streamgage-lists_bg.wasm"))).length;
  const script = gzipSync(bundle.outputFiles[0]?.contents ?? "").length;
  context.diagnostic(`core ${core} bytes, lists ${lists} bytes, JavaScript ${script} bytes`);
  assert.ok(core <= 90_000, `the core has ${core} bytes`);
  assert.ok(lists <= 200_000, `the module with lists has ${lists} bytes`);
  assert.ok(script <= 12_000, `the JavaScript has ${script} bytes`);
});

test("Node", () => {
  const folder = consumer("node");
  for (const corpus of all) {
    const lines = run(process.execPath, ["main.mjs", corpus.file], folder).split("\n").slice(0, -1);
    agree(corpus, lines);
    const metrics = run(process.execPath, ["core.mjs", corpus.file], folder).split("\n").slice(0, -1);
    agree({ ...corpus, expected: corpus.expected.slice(0, metrics.length) }, metrics);
  }
});

test("results and errors as objects equal the bodies of the responses, with the same figures and key order", () => {
  const folder = consumer("node", "objects");
  for (const { name, file, expected } of metrics) {
    const lines = run(process.execPath, ["objects.mjs", file], folder).split("\n").slice(0, -1);
    const bodies = expected.map((line) => JSON.parse(line) as { status: number; body: unknown });
    const comparable = bodies.filter(({ status }) => status === 200 || status === 400);
    assert.equal(lines.length, comparable.length);
    for (const [at, { body }] of comparable.entries()) assert.equal(lines[at], JSON.stringify(body), `${name} ${at}`);
  }
});

test("workerd", async () => {
  const folder = consumer("workerd");
  const config = { name: "streamgage-test", main: "worker.js", compatibility_date: "2026-01-01" };
  const harness = createTestHarness({ root: folder, workers: [{ config }] });
  const { url } = await harness.listen();
  try {
    for (const corpus of all) {
      const response = await fetch(url, { method: "POST", body: readFileSync(corpus.file, "utf8") });
      assert.equal(response.status, 200);
      agree(corpus, (await response.json()) as string[]);
    }
  } finally {
    await harness.close();
  }
});

test("a page without a bundler, and a Web Worker", async () => {
  consumer("page");
  await browserAgrees("page/index.html");
  const results = (await inBrowser("page/index.html", "runInWorker")) as { lines: string[]; freed: string }[];
  for (const [at, corpus] of all.entries()) {
    agree(corpus, results[at]?.lines ?? []);
    assert.equal(results[at]?.freed, "freed");
  }
});

test("Vite", async () => {
  const folder = consumer("bundled", "vite");
  await vite({ root: folder, base: "./", logLevel: "error", build: { target: "es2022", outDir: "out" } });
  await browserAgrees("vite/out/index.html");
});

test("the development server of Vite", async () => {
  const folder = consumer("bundled", "vite-dev");
  const development = await createServer({ root: folder, logLevel: "error", server: { host: "127.0.0.1" } });
  await development.listen();
  try {
    await browserAgrees("index.html", development.resolvedUrls?.local[0]?.slice(0, -1));
  } finally {
    await development.close();
  }
});

test("a bundle of esbuild for Node contains the module", async () => {
  const folder = consumer("node", "node-bundle");
  const options = { bundle: true, platform: "node", format: "esm", logLevel: "error" } as const;
  await esbuild({
    ...options,
    absWorkingDir: folder,
    entryPoints: ["main.mjs"],
    outfile: join(folder, "out/main.mjs"),
  });
  rmSync(join(folder, "node_modules"), { recursive: true });
  for (const corpus of all)
    agree(corpus, run(process.execPath, ["out/main.mjs", corpus.file], folder).split("\n").slice(0, -1));
});

test("webpack", async () => {
  const folder = consumer("bundled", "webpack");
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    const config: webpack.Configuration = {
      mode: "production",
      context: folder,
      entry: "./main.js",
      output: { path: join(folder, "out"), module: true, filename: "main.js" },
      experiments: { outputModule: true },
      performance: false,
    };
    webpack(config, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.equal(stats?.hasErrors() || stats?.hasWarnings(), false, stats?.toString());
  cpSync(join(folder, "index.html"), join(folder, "out/index.html"));
  await browserAgrees("webpack/out/index.html");
});

test("esbuild, with the module beside the bundle and inside of it", async () => {
  const folder = consumer("bundled", "esbuild");
  const outdir = join(folder, "out");
  const options = { absWorkingDir: folder, bundle: true, format: "esm", outdir, logLevel: "error" } as const;
  mkdirSync(outdir);
  await esbuild({ ...options, entryPoints: ["main.js"] });
  cpSync(join(folder, "node_modules/streamgage/streamgage-lists_bg.wasm"), join(outdir, "streamgage-lists_bg.wasm"));
  await esbuild({ ...options, entryPoints: ["slim.js"], loader: { ".wasm": "binary" } });
  await esbuild({ ...options, entryPoints: ["inline.js"] });
  for (const page of ["index.html", "slim.html", "inline.html"]) {
    cpSync(join(folder, page), join(outdir, page));
    await browserAgrees(`esbuild/out/${page}`);
  }
});

const DOM = ["es2022", "esnext.disposable", "dom", "dom.iterable"];

/** Checks the types of a project's files with the strictest options. */
function checkTypes(folder: string, moduleResolution: string, module: string, files: string[], lib = DOM): void {
  const compilerOptions = {
    module,
    moduleResolution,
    target: "es2022",
    lib,
    types: [],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  run(bin("tsc"), ["--project", folder], folder);
}

for (const [moduleResolution, module] of [
  ["bundler", "preserve"],
  ["nodenext", "nodenext"],
] as const)
  test(`TypeScript, strict, moduleResolution ${moduleResolution}`, () => {
    checkTypes(consumer("types", `types-${moduleResolution}`), moduleResolution, module, ["main.ts", "platforms.ts"]);
  });

test("TypeScript without the DOM library", () => {
  checkTypes(consumer("types", "types-es2022"), "nodenext", "nodenext", ["platforms.ts"], ["es2022"]);
});

test("the examples of the README pass the type checker and print their documented output", () => {
  const folder = consumer("readme");
  const readme = readFileSync(join(dist, "README.md"), "utf8");
  // The other blocks are files of tests/consumers (recipes.test.ts).
  const examples = codeBlocks(readme).flatMap(({ file, code }) => (file === undefined ? [code] : []));
  assert.ok(examples.length > 0);
  const files = examples.map((code, index) => {
    writeFileSync(join(folder, `${index}.ts`), code);
    return `${index}.ts`;
  });
  checkTypes(folder, "nodenext", "nodenext", files);
  for (const [index, code] of examples.entries()) {
    const printed = run(process.execPath, ["--import", "./world.mjs", `${index}.ts`], folder);
    // The comments below a console.log document its output.
    const documented = [...code.matchAll(/console\.log\(.*\n((?: *\/\/.*\n)*)/g)].map(([, comments = ""]) => comments);
    assert.equal(printed, documented.join("").replaceAll(/^ *\/\/ /gm, ""));
  }
});
