// The processes that npm start has started, and their sockets: from /proc on Linux, by ps and lsof elsewhere.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";

export type Process = { pid: number; parent: number; command: string };

/** Reads a file of a process, which may end meanwhile. */
const readOr = <T>(read: () => T, other: T): T => {
  try {
    return read();
  } catch {
    return other;
  }
};

const hasProc = existsSync("/proc/self/fd");

const output = (program: string, ...args: string[]): string[] =>
  readOr(() => execFileSync(program, args, { encoding: "utf8" }), "").split("\n");

function allProcesses(): Process[] {
  if (!hasProc)
    return output("ps", "-axo", "pid=,ppid=,command=").map((line) => {
      const [, pid, parent, command = ""] = /^ *(\d+) +(\d+) +(.*)$/.exec(line) ?? [];
      return { pid: Number(pid), parent: Number(parent), command };
    });
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const stat = readOr(() => readFileSync(`/proc/${pid}/stat`, "utf8"), "");
    // The name of the program, in parentheses, may contain anything.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const command = readOr(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "").replaceAll("\0", " ");
    return stat === "" ? [] : [{ pid: Number(pid), parent, command }];
  });
}

/** Returns a process and all of its descendants. */
export function processTree(root: number): Process[] {
  const all = allProcesses();
  const tree = all.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
}

export type ListeningSocket = { address: string; port: number };

/** Returns the TCP sockets on which processes listen. */
export function listeningSockets(processes: readonly Process[]): ListeningSocket[] {
  if (!hasProc) {
    const pids = processes.map(({ pid }) => pid).join();
    return output("lsof", "-nP", "-a", "-iTCP", "-sTCP:LISTEN", "-Fn", "-p", pids)
      .filter((line) => line.startsWith("n"))
      .map((line) => ({ address: line.slice(1, line.lastIndexOf(":")), port: Number(line.split(":").pop()) }));
  }
  const descriptors = processes.flatMap(({ pid }) => {
    const folder = `/proc/${pid}/fd`;
    const names = readOr(() => readdirSync(folder), []);
    return names.map((name) => readOr(() => readlinkSync(`${folder}/${name}`), ""));
  });
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readOr(() => readFileSync(table, "utf8"), "")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      // State 0A is LISTEN.
      .filter((columns) => columns[3] === "0A" && descriptors.includes(`socket:[${columns[9]}]`))
      .map(([, local = ""]) => {
        const [address = "", port = ""] = local.split(":");
        return { address: address === "0100007F" ? "127.0.0.1" : address, port: Number.parseInt(port, 16) };
      }),
  );
}
