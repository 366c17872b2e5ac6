// The tools and platforms that the package is tested with, in the order of the table in its README.
import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTestHarness } from "wrangler";
import { chromium, firefox, webkit, type TestBrowser } from "./browsers.ts";
import { ANSWER, type Project } from "./projects.ts";

/** A row of the table. */
export interface Consumer {
  /** The tool or platform. */
  name: string;
  /** The use of the package that is tested. */
  tested: string;
  /** The folder of the project. */
  folder: string;
  /** A test of one version, which is the version of a package that is installed with the project's dependencies. */
  versions: { packages: Record<string, string>; version: string }[];
  /** Runs the project. May return a more precise version. */
  check(project: Project, browser: TestBrowser): Promise<string | void>;
}

const manifest = (path: string): { dependencies?: Record<string, string>; devDependencies?: Record<string, string> } =>
  JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const { devDependencies = {} } = manifest("../../package.json");

/** A version that the project's manifest or that of the workspace pins. */
function pinned(folder: string, name: string): Consumer["versions"] {
  const version = manifest(`${folder}/package.json`).dependencies?.[name] ?? devDependencies[name];
  if (version === undefined) throw new Error(`${name} has no version`);
  return [{ packages: { [name]: version }, version }];
}

const each = (name: string, ...versions: string[]): Consumer["versions"] =>
  versions.map((version) => ({ packages: { [name]: version }, version }));

/** The npm package that contains Node for this computer. */
const NODE = `node-${process.platform}-${process.arch}`;
/** The package that contains the program of Bun: that of `bun` is put into place by an install script. */
const BUN = `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
const BUN_PROGRAM = `node_modules/${BUN}/bin/bun`;

const VITE_VERSIONS = each("vite", "5.4.21", "6.4.6", "7.3.8", "8.3.8");

/** Shows the page of Vite's development server. */
const viteServes = (project: Project, browser: TestBrowser): Promise<void> =>
  project.serves(["vite", "--host", "127.0.0.1", "--strictPort", "--port"], async (origin) =>
    assert.equal(await browser.text(origin), ANSWER),
  );

/** Shows the page that Vite builds. */
async function viteBuilds(project: Project, browser: TestBrowser): Promise<void> {
  project.run("vite", "build", "--base", "./");
  await project.shows(browser, "dist/index.html");
}

const vite = (folder: string, name: string): Consumer => ({
  name,
  tested: "component, built by Vite",
  folder,
  versions: pinned(folder, name.toLowerCase()),
  check: viteBuilds,
});

/** Runs the bundle `out/bundle.js` of the project, which works everywhere, in Node and on a page. */
async function bundleRuns(project: Project, browser: TestBrowser): Promise<void> {
  project.prints(process.execPath, "out/bundle.js");
  cpSync(join(project.folder, "index.html"), join(project.folder, "out/index.html"));
  await project.shows(browser, "out/index.html");
}

/** The types, checked with `skipLibCheck: false`. */
const typescript = (tested: string, configs: string[], versions: string[]): Consumer => ({
  name: "TypeScript",
  tested,
  folder: "typescript",
  versions: each("typescript", ...versions, devDependencies.typescript ?? ""),
  async check(project) {
    cpSync(join(import.meta.dirname, "../package/types/platforms.ts"), join(project.folder, "platforms.ts"));
    for (const config of configs) project.run("tsc", "--project", config);
  },
});

export const consumers: Consumer[] = [
  {
    name: "Node",
    tested: "main thread, `worker_threads`",
    folder: "node",
    versions: each(NODE, "20.20.2", "22.23.5", "24.21.0"),
    async check(project) {
      project.prints(`node_modules/${NODE}/bin/node`, "main.js");
      project.prints(`node_modules/${NODE}/bin/node`, "threads.js");
    },
  },
  {
    name: "Bun",
    tested: "main thread, Web Worker",
    folder: "server",
    versions: each(BUN, "1.4.5"),
    async check(project) {
      project.prints(BUN_PROGRAM, "main.js");
    },
  },
  {
    name: "Deno",
    tested: "main thread, Web Worker",
    folder: "server",
    versions: each("deno", "2.9.6"),
    async check(project) {
      project.prints("deno", "run", "--allow-read", "main.js");
    },
  },
  {
    name: "Cloudflare Workers, by wrangler",
    tested: "Worker",
    folder: "workers",
    versions: pinned("workers", "wrangler").map(({ version }) => ({ packages: {}, version })),
    async check(project) {
      const config = { name: "streamgage-test", main: "worker.js", compatibility_date: "2026-01-01" };
      const harness = createTestHarness({ root: project.folder, workers: [{ config }] });
      try {
        const { url } = await harness.listen();
        const body =
          '{"id":1,"apex_user_id":7,"repo_id":3,"author_local_date":"2026-06-02T09:30:00","haloc":12,"impact":4.5}';
        assert.equal(await (await fetch(url, { method: "POST", body })).text(), ANSWER);
      } finally {
        await harness.close();
      }
    },
  },
  ...[chromium, firefox, webkit].map((start): Consumer => ({
    name: { chromium: "Chromium", firefox: "Firefox", webkit: "WebKitGTK" }[start.name] ?? "",
    tested: "page without a bundler, Web Worker",
    folder: "page",
    versions: [{ packages: {}, version: "" }],
    async check(project) {
      const browser = await start();
      try {
        await project.shows(browser, "index.html");
        return browser.version
          .split(".")
          .slice(0, start === webkit ? 2 : 1)
          .join(".");
      } finally {
        await browser.close();
      }
    },
  })),
  {
    name: "Next",
    tested: "server component, route handler, client component, Web Worker; by Turbopack and by webpack",
    folder: "next",
    versions: pinned("next", "next"),
    async check(project, browser) {
      for (const bundler of ["--turbopack", "--webpack"]) {
        project.run("next", "build", bundler);
        await project.serves(["next", "start", "--hostname", "127.0.0.1", "--port"], async (origin) => {
          assert.equal(await browser.text(`${origin}/`), ANSWER);
          assert.equal(await (await fetch(`${origin}/weeks`)).text(), ANSWER);
          assert.equal(await browser.text(`${origin}/client`), ANSWER);
          assert.equal(await browser.text(`${origin}/worker`), ANSWER);
        });
      }
    },
  },
  {
    name: "Vite",
    tested: "development server, build, server-side rendering with `noExternal`",
    folder: "vite",
    versions: VITE_VERSIONS,
    async check(project, browser) {
      await viteServes(project, browser);
      await viteBuilds(project, browser);
      project.prints("node", "ssr.js");
    },
  },
  vite("react", "React"),
  vite("vue", "Vue"),
  vite("svelte", "Svelte"),
  {
    name: "Vite",
    tested: "Web Worker: development server, build",
    folder: "web-worker",
    versions: VITE_VERSIONS,
    async check(project, browser) {
      await viteServes(project, browser);
      await viteBuilds(project, browser);
    },
  },
  {
    name: "webpack",
    tested: "page, Web Worker",
    folder: "web-worker",
    versions: [{ packages: { webpack: "5.112.2", "webpack-cli": "7.3.1" }, version: "5.112.2" }],
    async check(project, browser) {
      project.run("webpack", "--mode", "production", "--entry", "./main.js", "--output-path", "out");
      cpSync(join(project.folder, "index.html"), join(project.folder, "out/index.html"));
      await project.shows(browser, "out/index.html");
    },
  },
  {
    name: "Parcel",
    tested: "page, Web Worker",
    folder: "parcel",
    versions: pinned("parcel", "parcel"),
    async check(project, browser) {
      project.run("parcel", "build", "index.html", "--public-url", "./", "--no-cache");
      await project.shows(browser, "dist/index.html");
    },
  },
  {
    name: "esbuild",
    tested: "`streamgage/inline`: page, Node",
    folder: "inline",
    versions: each("esbuild", devDependencies.esbuild ?? ""),
    async check(project, browser) {
      project.run("esbuild", "main.js", "--bundle", "--format=esm", "--outfile=out/bundle.js");
      await bundleRuns(project, browser);
    },
  },
  {
    name: "Rollup",
    tested: "`streamgage/inline`: page, Node",
    folder: "inline",
    versions: [{ packages: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" }, version: "4.68.8" }],
    async check(project, browser) {
      project.run("rollup", "--config");
      await bundleRuns(project, browser);
    },
  },
  {
    name: "`bun build`",
    tested: "`streamgage/inline`: page, Node",
    folder: "inline",
    versions: each(BUN, "1.4.5"),
    async check(project, browser) {
      project.run(BUN_PROGRAM, "build", "main.js", "--outfile=out/bundle.js");
      await bundleRuns(project, browser);
    },
  },
  {
    name: "Vitest",
    tested: "jsdom with the condition `browser`",
    folder: "vitest",
    versions: pinned("vitest", "vitest"),
    async check(project) {
      project.run("vitest", "run");
    },
  },
  ...["Vue", "Valtio"].map((name): Consumer => ({
    name,
    tested: name === "Vue" ? "`ref(new Table())`, `reactive`" : "`proxy({ table: new Table() })`",
    folder: "proxies",
    versions: pinned("proxies", name.toLowerCase()),
    async check(project) {
      project.prints("node", `${name.toLowerCase()}.js`);
    },
  })),
  typescript("`lib` without the DOM, `@tsconfig/node20`", ["es2022.json", "node20.json"], ["5.0.4", "5.9.3"]),
  typescript("`@tsconfig/node24`", ["node24.json"], ["5.9.3"]),
];
