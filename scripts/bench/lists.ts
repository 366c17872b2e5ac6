// Lists over a dump of 100,000 commits: each documented example, from the text of the request to the text of the answer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root, run } from "../lib.ts";
import { OTHERS, enlarged, sampleDump } from "./dump.ts";

type Example = { request: string; parse: number; answer: number };
const ROUNDS = 15;

/** In milliseconds: a request parsed; answered from memory; and, parsed and answered, as JSON out of `streamgage query`. */
export type ListTime = Example & { whole: number; count: number };

export async function benchLists(): Promise<ListTime[]> {
  const dump = await enlarged(await sampleDump(), 100_000, OTHERS);
  const examples = await run("cargo", ["bench", "--quiet", "--bench", "lists", "--", dump], { capture: true });
  const program = spawn(join(root, "target/release/streamgage"), ["query", dump, "-"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const ask = async (request: string): Promise<string> => {
    program.stdin.write(`${request}\n`);
    return (await lines.next()).value ?? "";
  };
  console.log(`${"lists over 100,000 commits, in milliseconds".padEnd(116)}   parse  answer   whole`);
  const times: ListTime[] = [];
  for (const example of examples
    .trimEnd()
    .split("\n")
    .map((line): Example => JSON.parse(line))) {
    const rounds: number[] = [];
    // What is read of the dump, and made of it once, is made by the first.
    const { status, body } = JSON.parse(await ask(example.request));
    for (let round = 0; round < ROUNDS; round += 1) {
      const started = performance.now();
      await ask(example.request);
      rounds.push(performance.now() - started);
    }
    const whole = rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
    times.push({ ...example, whole, count: body.count });
    const figures = [example.parse, example.answer, whole].map((time) => time.toFixed(2).padStart(8)).join("");
    console.log(`${`${example.request} (${status === 200 ? body.count : status})`.padEnd(116)}${figures}`);
  }
  program.stdin.end();
  await once(program, "close");
  return times;
}
