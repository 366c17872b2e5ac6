// Requests a second of the Worker as a proxy, beside a plain JavaScript Worker that does the same: hits, and refusals.
// Both run in one workerd by itself, with one cache in memory behind the Cache API; each is loaded in turns.
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { METRICS } from "../../tests/conformance.ts";
import { bundle } from "../bundle.ts";
import { UserError, freePort, root } from "../lib.ts";
import { serve, socket, worker } from "../workerd.ts";
import { heading, median } from "./measure.ts";

const CONNECTIONS = 16;
const ROUNDS = 31;
const SECONDS = 0.3;
const KEY = "a-key-of-the-upstream-that-is-as-long-as-keys-are";

const HEAD_END = Buffer.from("\r\n\r\n");

/** The length of the first response in a buffer, or undefined if it isn't whole. */
function lengthOf(buffer: Buffer): number | undefined {
  const end = buffer.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = buffer.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) return end + 4 + Number(length[1]);
  const last = buffer.indexOf("\r\n0\r\n\r\n", end + 2);
  return last < 0 ? undefined : last + 7;
}

/** How many requests are answered in a second, by connections that each ask again as soon as they are answered. */
async function load(port: number, request: string, status: number): Promise<number> {
  let answered = 0;
  const until = performance.now() + SECONDS * 1000;
  const started = performance.now();
  const ask = async () => {
    const connection = connect(port, "127.0.0.1").setNoDelay();
    await once(connection, "connect");
    let received = Buffer.alloc(0);
    connection.write(request);
    for await (const chunk of connection) {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = lengthOf(received);
      if (length === undefined || received.length < length) continue;
      if (Number(received.toString("latin1", 9, 12)) !== status) throw new UserError(received.toString("latin1"));
      received = received.subarray(length);
      answered += 1;
      if (performance.now() >= until) break;
      connection.write(request);
    }
    connection.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, ask));
  return answered / ((performance.now() - started) / 1000);
}

export type Rate = { name: string; ours: number; peer: number; ratio: number };

export async function benchProxy(): Promise<Rate[]> {
  const rows = Array.from({ length: 26 }, (_, week) => ({ week, commits: 100 + week, haloc: 12_345.6, churn: 4.5 }));
  const body = JSON.stringify({ count: rows.length, results: rows });
  const upstream = createHttpServer((_, response) =>
    response.setHeader("Content-Type", "application/json").setHeader("Cache-Control", "max-age=3600").end(body),
  ).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

  const modules = await bundle();
  const ports = { ours: await freePort(), peer: await freePort() };
  const bindings = `(name = "UPSTREAM", text = "${address}"), (name = "CACHE_SECRET", text = "a secret of the bench's own")`;
  const rest = `, bindings = [${bindings}], cacheApiOutbound = "memory", globalOutbound = "loopback"`;
  const up = "../..";
  const running = await serve(
    join(root, "target/bench/proxy.capnp"),
    [
      worker(
        "ours",
        modules.map((name) => `../bundle/${name}`),
        rest,
      ),
      worker("peer", [`${up}/scripts/bench/plain-worker.js`], rest),
      worker("memory", [`${up}/scripts/bench/memory-cache.js`]),
      `(name = "loopback", network = (allow = ["local"]))`,
    ],
    [socket("ours", ports.ours, "ours"), socket("peer", ports.peer, "peer")],
    Object.values(ports),
  );

  const rates: Rate[] = [];
  heading("requests a second");
  const today = new Date().toJSON().slice(0, 10);
  for (const { name, query, status } of [
    { name: "hits", query: `start_date=${today}&resolution=period&team_id=7`, status: 200 },
    { name: "refusals", query: "start_date=soon&resolution=day&team_id=x", status: 400 },
  ]) {
    const ask = (port: number) =>
      fetch(`http://127.0.0.1:${port}${METRICS}?${query}`, { headers: { Authorization: `Bearer ${KEY}` } });
    // The first is a miss. From then on both have the same body to give.
    const bodies = [];
    for (const port of [ports.ours, ports.peer, ports.ours, ports.peer]) {
      const answer = await ask(port);
      bodies.push(await answer.text());
      await new Promise((next) => setTimeout(next, 100));
    }
    if (new Set(bodies).size !== 1) throw new UserError(`the Workers' answers differ: ${bodies.join("\n")}`);
    const request = `GET ${METRICS}?${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\nAccept: application/json\r\n\r\n`;
    for (const port of Object.values(ports)) await load(port, request, status);
    const rounds: { ours: number; peer: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      rounds.push({ ours: await load(ports.ours, request, status), peer: await load(ports.peer, request, status) });
    const of = (way: (round: { ours: number; peer: number }) => number) => median(rounds.map(way));
    // A machine's speed drifts: what comes one after the other is compared, not the medians.
    const rate = {
      name,
      ours: of(({ ours }) => ours),
      peer: of(({ peer }) => peer),
      ratio: of((r) => r.ours / r.peer),
    };
    rates.push(rate);
    const columns = [rate.ours.toFixed(0).padStart(10), rate.peer.toFixed(0).padStart(10)];
    console.log(`${name.padEnd(76)}${columns.join("")}${rate.ratio.toFixed(2).padStart(8)}`);
  }
  await running.stop();
  upstream.close();
  return rates;
}

if (import.meta.main) {
  await benchProxy();
  process.exit(0);
}
