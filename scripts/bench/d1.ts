// Lists over a million commits in D1: the documented requests, sent to the Worker in workerd with a local D1.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
// Part of wrangler. wrangler's own development servers are slower than the Worker.
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { fingerprint, rebuildIfChanged, root, run, sha256, UserError } from "../lib.ts";
import { buildWorker } from "../build-worker.ts";
import { bundleWorker, thisCheckout, type Checkout } from "./checkout.ts";
import { startDjango } from "./django.ts";
import { enlarged, OTHERS, sampleDump } from "./dumps.ts";
import { measureRates, median } from "./measure.ts";

/** The key and the day of `edge/examples/fill.rs` and the sample. */
const KEY = "owner";
const TODAY = "2026-09-01";

/** The requests of the vendor's pages, followed by typical requests of scripts and connectors. */
export const LIST_REQUESTS = [
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

export type Server = { url: string; stop: () => Promise<void> };

/** Starts a checkout's Worker with a dump in its local D1, which is filled once. */
export async function startWorker(checkout: Checkout, dump: string): Promise<Server> {
  const state = join(checkout.folder, "target/bench/d1");
  const inputs = ["worker/migrations", "edge/src/store"].map((path) => relative(root, join(checkout.folder, path)));
  const modules = await bundleWorker(checkout);
  await rebuildIfChanged(
    join(state, "d1"),
    join(state, ".filled"),
    sha256(dump, await fingerprint(...inputs)),
    async () => {
      rmSync(state, { recursive: true, force: true });
      mkdirSync(state, { recursive: true });
      const filled = join(state, "filled.sqlite");
      const { folder: cwd } = checkout;
      await run("cargo", ["build", "--release", "--package", "streamgage-edge", "--example", "fill"], { cwd });
      await run(join(cwd, "target/release/examples/fill"), [dump, filled]);
      // Miniflare derives the name of the database file, so it has to create the file first.
      const server = await openMiniflare(modules, state);
      await (await server.getD1Database("DB")).prepare("SELECT 1").run();
      await server.dispose();
      const folder = join(state, "d1/miniflare-D1DatabaseObject");
      const file = readdirSync(folder).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
      if (file === undefined) throw new UserError(`no database in ${folder}`);
      for (const ending of ["-wal", "-shm"]) rmSync(join(folder, file + ending), { force: true });
      copyFileSync(filled, join(folder, file));
      rmSync(filled);
    },
  );
  const server = await openMiniflare(modules, state);
  const { origin } = await server.unsafeGetDirectURL("streamgage");
  return { url: origin, stop: () => server.dispose() };
}

async function openMiniflare(modules: string[], state: string): Promise<Miniflare> {
  const options = convertV4MiniflareOptions({
    workers: [
      {
        name: "streamgage",
        modulesRoot: dirname(modules[0] ?? ""),
        modules: modules.map((path) => ({ type: path.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path })),
        compatibilityDate: "2026-11-01",
        bindings: { TODAY },
        d1Databases: { DB: "streamgage" },
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
    ],
  });
  const server = new Miniflare({ ...options, resourcePersistencePath: state });
  await server.ready;
  return server;
}

/** Sends a request for a list, or for any path that starts with a slash. */
export async function send({ url }: { url: string }, request: string): Promise<{ response: Response; body: string }> {
  const path = request.startsWith("/") ? request : `/v3/customer/core/${request}`;
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${KEY}` } });
  const body = await response.text();
  if (!response.ok) throw new UserError(`${url}${path}: ${response.status} ${body.slice(0, 200)}`);
  return { response, body };
}

let requests = 0;
/** Returns the same request with a new value of an unknown parameter, so that no cache contains its response. */
export const uncached = (request: string): string => `${request}&uncached=${(requests += 1)}`;

export type D1Time = {
  request: string;
  /** The number of rows of the list, in the response, and read by D1, and the milliseconds in D1. */
  count: number;
  shown: number;
  read: number;
  duration: number;
  /** Requests per second: new requests, repeated requests, and requests to Django. */
  perSecond?: { first: number; again: number; peer: number };
};

const timing = /rows_read=(\d+).*dur=([\d.]+)/;

/** Measures each request. Compares its rate with Django REST Framework on PostgreSQL if that is available. */
export async function benchD1(): Promise<D1Time[]> {
  const dump = await enlarged(await sampleDump(), 1_000_000, OTHERS);
  await buildWorker(true);
  const worker = await startWorker(thisCheckout, dump);
  let django: Server | undefined;
  const times: D1Time[] = [];
  try {
    django = await startDjango(dump);
    const columns = ["count", "shown", "read", "D1 ms", "first /s", "again /s", "peer /s", "first", "again"];
    console.log(
      `${"lists over 1,000,000 commits in D1".padEnd(66)}${columns.map((name) => name.padStart(10)).join("")}`,
    );
    for (const request of LIST_REQUESTS) {
      await send(worker, request);
      const { response, body } = await send(worker, uncached(request));
      const { count, results } = JSON.parse(body);
      const [, read, duration] = timing.exec(response.headers.get("server-timing") ?? "") ?? [];
      const time: D1Time = { request, count, shown: results.length, read: Number(read), duration: Number(duration) };
      times.push(time);
      const figures = [count, time.shown, time.read, time.duration].map(String);
      if (django !== undefined) {
        const peer = django;
        const expected = JSON.parse((await send(peer, request)).body);
        if (expected.count !== count || expected.results.length !== results.length)
          throw new UserError(`${request}: ${count} rows, but ${expected.count} from Django`);
        const rates = await measureRates({
          first: () => send(worker, uncached(request)),
          again: () => send(worker, request),
          peer: () => send(peer, request),
        });
        time.perSecond = rates;
        const { first, again, peer: theirs } = rates;
        figures.push(...[first, again, theirs, first / theirs, again / theirs].map((value) => value.toFixed(1)));
      }
      console.log(`${request.padEnd(66)}${figures.map((text) => text.padStart(10)).join("")}`);
    }
    const rates = times.flatMap(({ perSecond }) => perSecond ?? []);
    for (const mode of rates.length > 0 ? (["first", "again"] as const) : []) {
      const ratio = median(rates.map((rate) => rate[mode] / rate.peer));
      console.log(`requests per second, ${mode}: ${ratio.toFixed(1)} times those of Django (median)`);
    }
  } finally {
    await django?.stop();
    await worker.stop();
  }
  return times;
}
