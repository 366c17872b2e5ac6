// Measurements and their output.

/** Milliseconds, or requests per second, of streamgage and of a peer. Above a ratio of 1, streamgage is faster. */
export type Figure = { name: string; ours: number; peer: number; ratio: number };

export const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Rounds before measuring, so that code is compiled. */
const WARM_UP = 3;

/**
 * Returns the median milliseconds of tasks. Tasks take turns in alternating order, so that other load on the machine affects
 * all of them.
 */
export async function measure<Name extends string>(
  tasks: Record<Name, () => unknown>,
  rounds: number,
): Promise<Record<Name, number>> {
  const timed = Object.entries<() => unknown>(tasks).map(([name, task]) => ({ name, task, times: [] as number[] }));
  for (let round = -WARM_UP; round < rounds; round += 1)
    for (const { task, times } of round % 2 === 0 ? timed : timed.toReversed()) {
      const started = performance.now();
      const result = task();
      if (result instanceof Promise) await result;
      if (round >= 0) times.push(performance.now() - started);
    }
  return Object.fromEntries(timed.map(({ name, times }) => [name, median(times)])) as Record<Name, number>;
}

const CONNECTIONS = 4;

/** Returns the median requests per second of tasks that each send one request. Tasks take turns in alternating order. */
export async function measureRates<Name extends string>(
  requests: Record<Name, () => Promise<unknown>>,
  { rounds = 5, milliseconds = 300 } = {},
): Promise<Record<Name, number>> {
  const rated = Object.entries<() => Promise<unknown>>(requests).map(([name, send]) => ({
    name,
    send,
    rates: [] as number[],
  }));
  for (let round = 0; round < rounds; round += 1)
    for (const { send, rates } of round % 2 === 0 ? rated : rated.toReversed()) {
      const started = performance.now();
      let responses = 0;
      const connection = async () => {
        while (performance.now() - started < milliseconds) {
          await send();
          responses += 1;
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, connection));
      rates.push((responses * 1_000) / (performance.now() - started));
    }
  return Object.fromEntries(rated.map(({ name, rates }) => [name, median(rates)])) as Record<Name, number>;
}

export const heading = (title: string, ours = "ours", peer = "peer"): void => print(title, ours, peer, "ratio");

/** Prints and returns a comparison of milliseconds. */
export const figure = (name: string, ours: number, peer: number): Figure => show(name, ours, peer, peer / ours);

/** Prints and returns a comparison of requests per second. */
export const rateFigure = (name: string, ours: number, peer: number): Figure => show(name, ours, peer, ours / peer);

function show(name: string, ours: number, peer: number, ratio: number): Figure {
  print(name, ours.toFixed(2), peer.toFixed(2), ratio.toFixed(2));
  return { name, ours, peer, ratio };
}

const print = (name: string, ours: string, peer: string, ratio: string): void =>
  console.log(`${name.padEnd(90)}${ours.padStart(12)}${peer.padStart(12)}${ratio.padStart(8)}`);
