// The memory of processes.
import { execFileSync } from "node:child_process";
import { basename } from "node:path";

/** Returns the resident bytes of all descendants of a process that run a program. */
export function memoryOf(ancestor: number, program: string): number {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,rss=,comm="], { encoding: "utf8" }).trim().split("\n");
  const processes = lines.map((line) => {
    const [pid, parent, kilobytes, ...command] = line.trim().split(/\s+/);
    return {
      pid: Number(pid),
      parent: Number(parent),
      bytes: Number(kilobytes) * 1024,
      name: basename(command.join(" ")),
    };
  });
  const descendants = new Set([ancestor]);
  for (let size = 0; size < descendants.size;) {
    size = descendants.size;
    for (const { pid, parent } of processes) if (descendants.has(parent)) descendants.add(pid);
  }
  const found = processes.filter(({ pid, name }) => descendants.has(pid) && name === program);
  return found.reduce((sum, { bytes }) => sum + bytes, 0);
}
