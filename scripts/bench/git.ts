// A git history: streamgage git, compared with git log printing the same patches, and with git-of-theseus if it is
// installed (pip install git-of-theseus). Each runs once.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { root, run, UserError } from "../lib.ts";
import { type Figure, figure, heading } from "./measure.ts";

/** Runs a program with its output discarded, and returns the milliseconds that it took, or undefined if it is missing. */
function timed(program: string, args: string[]): number | undefined {
  const started = performance.now();
  const { error, status } = spawnSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (error) return undefined;
  if (status !== 0) throw new UserError(`${program} ended with exit code ${status}`);
  return performance.now() - started;
}

export async function benchGit(path: string): Promise<Figure[]> {
  await run("cargo", ["build", "--release", "--bin", "streamgage"]);
  const repository = resolve(process.env.INIT_CWD ?? ".", path);
  const program = join(root, "target/release/streamgage");
  const folder = mkdtempSync(join(tmpdir(), "streamgage-bench-"));
  try {
    const figures: Figure[] = [];
    heading(`history of ${path}; milliseconds`);
    const log = ["log", "--first-parent", "-m", "-p", "-U0", "-M"];
    const peer = timed("git", ["-C", repository, ...log]);
    // git log reads the current branch.
    const branch = execFileSync("git", ["-C", repository, "branch", "--show-current"], { encoding: "utf8" }).trim();
    const flags = ["--out", join(folder, "dump"), "--all-files", "--no-mailmap", "--branch", branch];
    const ours = timed(program, ["git", repository, ...flags]);
    if (peer === undefined || ours === undefined) throw new UserError("git could not be started");
    figures.push(figure(`git ${log.join(" ")}`, ours, peer));
    const theseus = timed("git-of-theseus-analyze", [repository, "--outdir", join(folder, "theseus"), "--quiet"]);
    if (theseus !== undefined) figures.push(figure("git-of-theseus-analyze", ours, theseus));
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
