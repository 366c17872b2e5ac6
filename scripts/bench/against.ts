// Compares this checkout with another commit. Every row measures both in turns, and its ratio is above 1 if this checkout
// is faster.
import { METRICS } from "../../tests/conformance.ts";
import { run, UserError } from "../lib.ts";
import { build, checkOut, loadPackage, thisCheckout, unwrap, type Checkout } from "./checkout.ts";
import { LIST_REQUESTS, send, startWorker, uncached, type Server } from "./d1.ts";
import { enlarged, OTHERS, sampleDump } from "./dumps.ts";
import { commits, RANGE, TODAY } from "./generated-commits.ts";
import { figure, heading, measure, measureRates, median, rateFigure, type Figure } from "./measure.ts";
import { benchProxy } from "./proxy.ts";
import { fillTable, pages, tableQueries } from "./text.ts";

type Pair<Value> = { ours: Value; other: Value };

const REQUESTS = [
  ...LIST_REQUESTS,
  `${METRICS}?start_date=2026-06-01&resolution=week`,
  `${METRICS}?start_date=2023-09-02&resolution=week&team_id=100&include_nested_teams=true`,
];

const parts: Record<string, (checkouts: Pair<Checkout>) => Promise<Figure[]>> = {
  lists: benchLists,
  package: benchPackage,
  d1: benchD1,
  proxy: ({ ours, other }) => benchProxy([ours, other]),
};

/** Measures the named parts, or all. */
export async function benchAgainst(commit: string, names: string[]): Promise<Figure[]> {
  const unknown = names.find((name) => !(name in parts));
  if (unknown) throw new UserError(`unknown part ${unknown}; the parts are ${Object.keys(parts).join(", ")}`);
  const checkouts = { ours: thisCheckout, other: await checkOut(commit) };
  for (const checkout of Object.values(checkouts)) await build(checkout);
  const figures: Figure[] = [];
  for (const [name, bench] of Object.entries(parts))
    if (names.length === 0 || names.includes(name)) figures.push(...(await bench(checkouts)));
  return figures;
}

/** Names a row that only one checkout has. */
function printMissing(name: string, { name: checkout }: Checkout): [] {
  console.log(`${name}: not in ${checkout}`);
  return [];
}

async function benchLists(checkouts: Pair<Checkout>): Promise<Figure[]> {
  const dump = await enlarged(await sampleDump(), 100_000, OTHERS);
  const bench = async ({ folder }: Checkout, times: Map<string, number[]>) => {
    const args = ["bench", "--quiet", "--bench", "lists", "--", dump];
    const lines = (await run("cargo", args, { cwd: folder, capture: true })).trimEnd().split("\n");
    for (const { request, whole } of lines.map((line) => JSON.parse(line))) {
      const name = request.replace("/v3/customer/core/", "");
      times.set(name, [...(times.get(name) ?? []), whole]);
    }
  };
  const times = { ours: new Map<string, number[]>(), other: new Map<string, number[]>() };
  for (let round = 0; round < 3; round += 1) {
    await bench(checkouts.ours, times.ours);
    await bench(checkouts.other, times.other);
  }
  heading("\nlists in memory, 100,000 commits; milliseconds", "ours", checkouts.other.name);
  return [...new Set([...times.ours.keys(), ...times.other.keys()])].flatMap((request) => {
    const [ours, other] = [times.ours.get(request), times.other.get(request)];
    if (!ours) return printMissing(request, checkouts.ours);
    if (!other) return printMissing(request, checkouts.other);
    return figure(request, median(ours), median(other));
  });
}

async function benchPackage(checkouts: Pair<Checkout>): Promise<Figure[]> {
  const packages = { ours: await loadPackage(checkouts.ours), other: await loadPackage(checkouts.other) };
  heading("\nnpm package; milliseconds", "ours", checkouts.other.name);
  const figures: Figure[] = [];
  const compare = async (name: string, task: (streamgage: typeof packages.ours) => () => unknown, rounds: number) => {
    const { ours, other } = await measure({ ours: task(packages.ours), other: task(packages.other) }, rounds);
    figures.push(figure(name, ours, other));
  };
  for (const isShuffled of [false, true]) {
    const order = isShuffled ? "shuffled" : "in time order";
    for (const count of [100_000, 1_000_000]) {
      const data = commits(count, isShuffled);
      await compare(
        `columns: ${count.toLocaleString("en")} commits ${order}`,
        ({ metricsColumnsOf }) =>
          () =>
            unwrap(metricsColumnsOf(data, RANGE, { today: TODAY })),
        25,
      );
    }
    const texts = [...pages(100_000, isShuffled)];
    const bytes = texts.map((text) => new TextEncoder().encode(text));
    for (const [form, input] of Object.entries({ "a string": texts, bytes }))
      await compare(
        `text: ${form}, 100,000 commits ${order}`,
        ({ Table }) =>
          () => {
            const table = new Table();
            for (const page of input) unwrap(table.add("commits", page));
            unwrap(table.metrics(RANGE, { today: TODAY }));
            table.free();
          },
        5,
      );
    const tables = { ours: fillTable(packages.ours, isShuffled), other: fillTable(packages.other, isShuffled) };
    const queries = { ours: tableQueries(tables.ours), other: tableQueries(tables.other) };
    for (const name of Object.keys(queries.ours)) {
      const { ours, other } = await measure({ ours: queries.ours[name]!, other: queries.other[name]! }, 60);
      figures.push(figure(`table: ${name}, 1,000,000 commits ${order}`, ours, other));
    }
    for (const table of Object.values(tables)) table.free();
  }
  return figures;
}

async function benchD1(checkouts: Pair<Checkout>): Promise<Figure[]> {
  const dump = await enlarged(await sampleDump(), 1_000_000, OTHERS);
  const servers: Server[] = [];
  const start = async (checkout: Checkout) => {
    const server = await startWorker(checkout, dump);
    servers.push(server);
    return server;
  };
  const figures: Figure[] = [];
  try {
    const [ours, other] = [await start(checkouts.ours), await start(checkouts.other)];
    heading("\nD1, 1,000,000 commits; requests per second", "ours", checkouts.other.name);
    for (const request of REQUESTS) {
      const [body, otherBody] = [(await send(ours, request)).body, (await send(other, request)).body];
      if (body !== otherBody.replaceAll(other.url, ours.url)) console.log(`${request}: the responses differ`);
      const first = await measureRates({
        ours: () => send(ours, uncached(request)),
        other: () => send(other, uncached(request)),
      });
      const again = await measureRates({ ours: () => send(ours, request), other: () => send(other, request) });
      figures.push(rateFigure(`first: ${request}`, first.ours, first.other));
      figures.push(rateFigure(`again: ${request}`, again.ours, again.other));
    }
  } finally {
    for (const server of servers) await server.stop();
  }
  return figures;
}
