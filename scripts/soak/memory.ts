// The memory of processes.
import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { processTree } from "../../tests/start/processes.ts";

/** Returns the resident bytes of all descendants of a process that run a program. */
export function memoryOf(ancestor: number, program: string): number {
  const running = processTree(ancestor).filter(({ command }) => basename(command.split(" ")[0] ?? "") === program);
  if (running.length === 0) return 0;
  const pids = running.map(({ pid }) => pid).join();
  const kilobytes = execFileSync("ps", ["-o", "rss=", "-p", pids], { encoding: "utf8" }).trim().split(/\s+/);
  return kilobytes.reduce((sum, text) => sum + Number(text) * 1024, 0);
}
