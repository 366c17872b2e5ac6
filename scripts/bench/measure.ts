// Times and how they are shown.

/** What ours takes and what another way to the same answer takes, in milliseconds; over 1, ours is faster. */
export type Figure = { name: string; ours: number; peer: number; ratio: number };

export const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Medians of ways that run in turns, so that a machine whose speed drifts is fair to all; in milliseconds. */
export async function measure<Ways extends Record<string, () => unknown>>(
  ways: Ways,
  rounds: number,
): Promise<{ [Name in keyof Ways]: number }> {
  const times = Object.entries(ways).map(([name, way]) => ({ name, way, all: [] as number[] }));
  for (let round = -3; round < rounds; round += 1)
    for (const { way, all } of times) {
      const started = performance.now();
      const answer = way();
      if (answer instanceof Promise) await answer;
      // What is not compiled yet does not count.
      if (round >= 0) all.push(performance.now() - started);
    }
  return Object.fromEntries(times.map(({ name, all }) => [name, median(all)])) as { [Name in keyof Ways]: number };
}

export const heading = (title: string): void => show(title, "ours", "peer", "ratio");

/** Shows a figure and returns it. */
export function figure(name: string, ours: number, peer: number): Figure {
  const ratio = peer / ours;
  show(name, ours.toFixed(2), peer.toFixed(2), ratio.toFixed(1));
  return { name, ours, peer, ratio };
}

const show = (name: string, ours: string, peer: string, ratio: string): void =>
  console.log(`${name.padEnd(76)}${ours.padStart(10)}${peer.padStart(10)}${ratio.padStart(8)}`);
