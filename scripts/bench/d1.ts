// Lists over a million commits in D1: the documented examples through the Worker, in workerd itself and a local D1.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
// What wrangler brings: wrangler's own servers stand before a Worker and are slower than it.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { buildWorker } from "../build-worker.ts";
import { UserError, fingerprint, root, run, sha256, rebuildIfChanged } from "../lib.ts";
import { enlarged, OTHERS, sampleDump } from "./dumps.ts";
import { startPeer, type Peer } from "./django.ts";
import { median } from "./measure.ts";

const CORE = "/v3/customer/core/";
const KEY = "owner";
const CONNECTIONS = 4;
/** So long a request is repeated, in milliseconds. */
const MEASURED = 1_500;

/** The requests of the vendor's pages, and below them what scripts and connectors send. */
const EXAMPLES = [
  "commits/?limit=100&offset=100",
  "commits/?fields=id,new_work,churn&limit=5&ordering=-id",
  "commits/?new_work__gt=100000",
  "commits/?new_work__gte=2695",
  "commits/?new_work__lt=10",
  "commits/?new_work__lte=1",
  "commits/?repo_id__in=337844",
  "commits/?message=progress",
  "commits/?author_date__gte=2018-06-08&author_date__lt=2018-06-15",
  "commits/?remove_excluded=true",
  "commits/?smart_dedupe=true",
  "commits/?exclude_weekends=true",
  "commits/?exclude_outliers=true",
  "commits/?exclude_blocked=true",
  "commits/?apply_default_filters=true",
  "repos/?vendor_type=github",
  "repos/?vendor_type!=github",
  "teams/?name=ExampleTeam",
  "users/?id=1234567890",
  "users/?name__startswith=chris",
  "users/?fields=id,name,email&limit=3",
  "users/?fields=id,name&ordering=name&limit=5",
  "users/?omit=email,teams",
  "users/?team_member=12345",

  "commits/?limit=1000",
  "commits/?limit=1000&offset=900000",
  "commits/?limit=1000&author_date__gte=2022-05-01T00:00:00",
  "commits/?apex_user_id=7&limit=1000",
  "commits/?id__in=1,2,3",
  "users/?limit=1000",
  "team_membership/?limit=1000",
];

export type D1Time = {
  request: string;
  /** How many rows the list has, the answer shows, and D1 read; and the milliseconds it took. */
  count: number;
  shown: number;
  read: number;
  duration: number;
  /** Requests a second: ours that were never asked before, ours asked again, and the framework's. */
  perSecond?: { first: number; again: number; peer: number };
};

/** A local D1 with the dump in it, made once; gives the folder that holds it. */
async function database(dump: string, open: (state: string) => Promise<Miniflare>): Promise<string> {
  const state = join(root, "target/bench/d1");
  const made = sha256(dump, await fingerprint("worker/migrations", "edge/src/store"));
  await rebuildIfChanged(join(state, "d1"), join(state, ".made"), made, async () => {
    rmSync(state, { recursive: true, force: true });
    mkdirSync(state, { recursive: true });
    const filled = join(state, "filled.sqlite");
    await run("cargo", ["build", "--release", "--package", "streamgage-edge", "--example", "fill"]);
    await run(join(root, "target/release/examples/fill"), [dump, filled]);
    // Where the database lies, only the one who opens it knows.
    const first = await open(state);
    await (await first.getD1Database("DB")).prepare("SELECT 1").run();
    await first.dispose();
    const folder = join(state, "d1/miniflare-D1DatabaseObject");
    const file = readdirSync(folder).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
    if (file === undefined) throw new UserError(`no database in ${folder}`);
    for (const ending of ["-wal", "-shm"]) rmSync(join(folder, file + ending), { force: true });
    copyFileSync(filled, join(folder, file));
    rmSync(filled);
  });
  return state;
}

/** The Worker in workerd, at an address of its own. */
async function open(state: string): Promise<Miniflare> {
  const worker = join(root, "worker");
  const scripts = readdirSync(join(worker, "build"), { recursive: true, encoding: "utf8" });
  const modules = ["entry.js", ...scripts.filter((name) => name.endsWith(".js")).map((name) => `build/${name}`)];
  const options = convertV4MiniflareOptions({
    workers: [
      {
        name: "streamgage",
        modulesRoot: worker,
        modules: [
          ...modules.map((path) => ({ type: "ESModule" as const, path: join(worker, path) })),
          { type: "CompiledWasm", path: join(worker, "build/streamgage_worker_bg.wasm") },
        ],
        compatibilityDate: "2026-11-01",
        d1Databases: { DB: "streamgage" },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
    ],
  });
  const server = new Miniflare({ ...options, resourcePersistencePath: state });
  await server.ready;
  return server;
}

/** How many requests a second are answered, asked over a few connections. */
async function perSecond(ask: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let answered = 0;
  const connection = async () => {
    while (performance.now() - started < MEASURED) {
      await ask();
      answered += 1;
    }
  };
  await Promise.all([...Array(CONNECTIONS)].map(connection));
  return (answered * 1_000) / (performance.now() - started);
}

const timing = /rows_read=(\d+).*dur=([\d.]+)/;

/** Rows read by each example and, where Django, its REST framework and PostgreSQL can be had, how fast both answer. */
export async function benchD1(): Promise<D1Time[]> {
  const dump = await enlarged(await sampleDump(), 1_000_000, OTHERS);
  await buildWorker(true);
  const state = await database(dump, open);
  const server = await open(state);
  const base = (await server.unsafeGetDirectURL("streamgage")).origin;
  let peer: Peer | undefined;
  const times: D1Time[] = [];
  try {
    peer = await startPeer(dump);
    const ask = async (base: string, request: string) => {
      const response = await fetch(base + CORE + request, { headers: { authorization: `Bearer ${KEY}` } });
      const body = await response.text();
      if (!response.ok) throw new UserError(`${base}: ${request}: ${response.status} ${body.slice(0, 200)}`);
      return { response, body };
    };
    // What asks the same and was not asked before: nobody knows the parameter, and its value is another each time.
    let asked = 0;
    const anew = (request: string) => `${request}&anew=${(asked += 1)}`;
    const columns = ["count", "shown", "read", "D1 ms", "first /s", "again /s", "peer /s", "first", "again"];
    console.log(
      `${"lists over 1,000,000 commits in D1".padEnd(66)}${columns.map((name) => name.padStart(10)).join("")}`,
    );
    for (const request of EXAMPLES) {
      await ask(base, request);
      const { response, body } = await ask(base, anew(request));
      const { count, results } = JSON.parse(body);
      const [, read, duration] = timing.exec(response.headers.get("server-timing") ?? "") ?? [];
      const time: D1Time = { request, count, shown: results.length, read: Number(read), duration: Number(duration) };
      if (peer !== undefined) {
        const theirs = JSON.parse((await ask(peer.url, request)).body);
        if (theirs.count !== count || theirs.results.length !== results.length)
          throw new UserError(`${request}: ${count} rows, and ${theirs.count} of the framework`);
        const { url } = peer;
        time.perSecond = {
          first: await perSecond(() => ask(base, anew(request))),
          again: await perSecond(() => ask(base, request)),
          peer: await perSecond(() => ask(url, request)),
        };
      }
      times.push(time);
      const { first, again, peer: theirs } = time.perSecond ?? {};
      const figures = [count, time.shown, time.read, time.duration].map(String);
      if (first !== undefined && again !== undefined && theirs !== undefined)
        figures.push(...[first, again, theirs, first / theirs, again / theirs].map((figure) => figure.toFixed(1)));
      console.log(`${request.padEnd(66)}${figures.map((figure) => figure.padStart(10)).join("")}`);
    }
    const rates = times.flatMap(({ perSecond }) => perSecond ?? []);
    const seconds = (which: "first" | "again" | "peer") => rates.reduce((sum, rate) => sum + 1 / rate[which], 0);
    for (const when of rates.length > 0 ? (["first", "again"] as const) : []) {
      const typical = median(rates.map((rate) => rate[when] / rate.peer)).toFixed(1);
      const inTurn = (seconds("peer") / seconds(when)).toFixed(1);
      console.log(
        `requests a second, ${when}: ${typical} times as many as the framework's (median); of all in turn, ${inTurn} times`,
      );
    }
  } finally {
    await peer?.stop();
    await server.dispose();
  }
  return times;
}
