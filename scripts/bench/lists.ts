// Lists over 100,000 commits in memory: every documented example, from the request text to the response text.
import { run } from "../lib.ts";
import { OTHERS, enlarged, sampleDump } from "./dumps.ts";

/** Median milliseconds: parsing the request, finding its page, and the whole including the response text. */
export type ListTime = { request: string; count: number; parse: number; find: number; whole: number };

export async function benchLists(): Promise<ListTime[]> {
  const dump = await enlarged(await sampleDump(), 100_000, OTHERS);
  const output = await run("cargo", ["bench", "--quiet", "--bench", "lists", "--", dump], { capture: true });
  const times = output
    .trimEnd()
    .split("\n")
    .map((line): ListTime => JSON.parse(line));
  console.log(`\n${"lists over 100,000 commits, in milliseconds".padEnd(124)}   rows    parse     find    whole`);
  for (const { request, count, ...medians } of times) {
    const figures = Object.values(medians).map((time) => time.toFixed(3).padStart(9));
    console.log(request.padEnd(124) + String(count).padStart(7) + figures.join(""));
  }
  return times;
}
