// npm run consumers [-- --check] [NAME …]: installs the packed npm package into projects of many tools (tests/consumers) and
// runs them. Writes the table of the results into the README of the package, or compares it.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "../tests/consumers/browsers.ts";
import { consumers, type Consumer } from "../tests/consumers/consumers.ts";
import { Project } from "../tests/consumers/projects.ts";
import { replaceTable, table, type Row } from "../tests/consumers/table.ts";
import { buildBrowser, dist } from "./build-browser.ts";
import { UserError, main, root, run, seconds } from "./lib.ts";
import { chrome } from "./tools.ts";

const projects = join(root, "target/consumers");
const folder = join(root, "tests/consumers");
const documents = ["browser/README.md", "docs/browser.md"];

await main(async () => {
  const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
  const isSelected = ({ name }: Consumer) =>
    positionals.length === 0 || positionals.some((text) => name.toLowerCase().includes(text.toLowerCase()));
  const selected = consumers.filter(isSelected);
  if (selected.length === 0) throw new UserError(`no consumer has the name ${positionals.join(", ")}`);
  await buildBrowser();
  process.env.CHROME_PATH = (await chrome()).browser;
  rmSync(projects, { recursive: true, force: true });
  mkdirSync(projects, { recursive: true });
  const packed = await run("npm", ["pack", dist, "--json", "--loglevel=error"], { cwd: projects, capture: true });
  const tarball = join(projects, (JSON.parse(packed) as { filename: string }[])[0]?.filename ?? "");

  const rows: Row[] = [];
  const failures: string[] = [];
  const browser = await chromium();
  try {
    for (const consumer of selected) {
      const versions: string[] = [];
      for (const { packages, version } of consumer.versions) {
        const started = performance.now();
        const label = `${consumer.name} ${version} (${consumer.tested})`;
        try {
          const project = await install(consumer, packages, tarball);
          versions.push((await consumer.check(project, browser)) ?? version);
          console.log(`ok      ${label}: ${seconds(started)}`);
        } catch (error) {
          failures.push(label);
          console.error(`FAILED  ${label}:`, error);
        } finally {
          rmSync(join(projects, "project"), { recursive: true, force: true });
        }
      }
      rows.push({ ...consumer, versions });
    }
  } finally {
    await browser.close();
    rmSync(projects, { recursive: true, force: true });
  }
  const text = table(rows);
  console.log(`\n${text}`);
  if (failures.length > 0) throw new UserError(`failed: ${failures.join(", ")}`);
  if (positionals.length > 0) return;
  for (const document of documents) {
    const path = join(root, document);
    const before = readFileSync(path, "utf8");
    const after = replaceTable(before, text);
    if (values.check && after !== before) throw new UserError(`${document} has another table; run npm run consumers`);
    writeFileSync(path, after);
  }
});

/** Creates the project of a consumer, and installs its packages and the tarball. */
async function install(consumer: Consumer, packages: Record<string, string>, tarball: string): Promise<Project> {
  const path = join(projects, "project");
  cpSync(join(folder, consumer.folder), path, { recursive: true });
  cpSync(join(folder, "weeks.js"), join(path, "weeks.js"));
  const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { dependencies?: object };
  const dependencies = { ...manifest.dependencies, ...packages, streamgage: `file:${tarball}` };
  writeFileSync(join(path, "package.json"), JSON.stringify({ ...manifest, dependencies }));
  // No tool needs its install scripts.
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...flags], { cwd: path });
  return new Project(path);
}
