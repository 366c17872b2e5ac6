// npm run soak [-- MINUTES [SEED]]: sends mixed requests and imports to `npm start` for some minutes (default ten). Prints
// requests, memory and disk space while it runs, and response times at the end. Then compares the tables that imports
// maintain with the rows. Fails if a response is wrong, a table differs, or the local state grows without bound.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../tests/reference/random.mjs";
import { filesIn, freePort, main, root, stage, UserError } from "./lib.ts";
import { compareTables } from "./soak/compare-tables.ts";
import { memoryOf } from "./soak/memory.ts";
import { randomExchange, TODAY, type Kind } from "./soak/requests.ts";

const CONNECTIONS = 8;
const SAMPLES = 10;
/** The import's rows have a limited number of ids, so the database stops growing. */
const MAX_GROWTH = 32e6;
const TIMEOUT = 30_000;

const home = join(root, "target/soak");
const state = join(home, "state");

/** Starts `npm start` with its own state. */
async function startServer() {
  rmSync(home, { recursive: true, force: true });
  const key = "the-key-of-the-soak";
  const args = ["--today", TODAY, "--port", `${await freePort()}`, "--key", key];
  const child = spawn(process.execPath, [join(root, "scripts/start.ts"), ...args], {
    env: { ...process.env, STREAMGAGE_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      const [, ready] = /^ready (\S+)/m.exec(output) ?? [];
      if (ready) resolve(ready);
    });
    void exited.then(() => reject(new UserError(`npm start has ended:\n${output}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
  };
  return { url, key, stop, memory: () => memoryOf(child.pid ?? 0, "workerd") };
}

type Server = Awaited<ReturnType<typeof startServer>>;

/** The milliseconds of all responses by kind, and the errors. */
class Results {
  times: Record<Kind, number[]> = { list: [], metrics: [], refusal: [], import: [] };
  errors: string[] = [];

  get requests(): number {
    return Object.values(this.times).reduce((sum, { length }) => sum + length, 0);
  }
}

/** Sends requests one after the other until a moment. */
async function runConnection({ url, key }: Server, random: Random, end: number, results: Results): Promise<void> {
  while (Date.now() < end) {
    const { kind, path, status, method, body } = randomExchange(random);
    const started = performance.now();
    try {
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(url + path, { method, body, headers, signal: AbortSignal.timeout(TIMEOUT) });
      const text = await response.text();
      if (response.status !== status) results.errors.push(`${path}: ${response.status} ${text.slice(0, 200)}`);
    } catch (error) {
      results.errors.push(`${path}: ${error}`);
    }
    results.times[kind].push(performance.now() - started);
  }
}

type Sample = { memory: number; disk: number };

const diskSpace = (): number => filesIn(state).reduce((sum, name) => sum + sizeOf(join(state, name)), 0);
/** A temporary file may be gone. */
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Sends requests on all connections, and prints a sample of memory and disk space now and then. */
async function load(server: Server, minutes: number, seed: number, results: Results): Promise<Sample[]> {
  const started = Date.now();
  const end = started + minutes * 60_000;
  const running = Promise.all(
    Array.from({ length: CONNECTIONS }, (_, at) => runConnection(server, new Random(seed + at), end, results)),
  );
  const samples: Sample[] = [];
  for (let at = 0; at <= SAMPLES; at += 1) {
    const next = started + ((end - started) * at) / SAMPLES;
    await new Promise((wait) => setTimeout(wait, Math.max(0, next - Date.now())));
    const sample = { memory: server.memory(), disk: diskSpace() };
    samples.push(sample);
    const elapsed = ((Date.now() - started) / 60_000).toFixed(1);
    const { requests, errors } = results;
    console.log(
      `${elapsed} min: ${requests} requests, ${errors.length} errors, workerd ${megabytes(sample.memory)}, state ${megabytes(sample.disk)}`,
    );
  }
  await running;
  return samples;
}

function printTimes({ times }: Results): void {
  for (const [kind, values] of Object.entries(times)) {
    const sorted = values.sort((a, b) => a - b);
    const percentile = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? NaN).toFixed(1);
    console.log(`${kind}: ${sorted.length} requests, p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`);
  }
}

await main(async () => {
  const [minutes, seed] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 1)];
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new UserError("npm run soak [-- MINUTES [SEED]]");
  const server = await stage("npm start", startServer);
  const results = new Results();
  let samples: Sample[];
  try {
    samples = await load(server, minutes, seed, results);
  } finally {
    await server.stop();
  }
  printTimes(results);
  const [first, middle, last] = [samples[0], samples[SAMPLES / 2], samples[SAMPLES]];
  if (!first || !middle || !last) throw new UserError("no samples");
  const show = (of: keyof Sample) => [first, middle, last].map((sample) => megabytes(sample[of])).join(", ");
  console.log(`at the start, in the middle and at the end: workerd ${show("memory")}; state ${show("disk")}`);
  const problems = [...new Set(results.errors)].slice(0, 10);
  if (last.disk - first.disk > MAX_GROWTH) problems.push(`the state has grown by ${megabytes(last.disk - first.disk)}`);
  problems.push(...compareTables(state));
  if (problems.length > 0) throw new UserError(`${results.errors.length} errors\n${problems.join("\n")}`);
});
