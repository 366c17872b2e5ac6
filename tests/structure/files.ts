// The tracked files of the repository, and cycles between them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../conformance.ts";

/** Lists tracked and new files that match git pathspecs, by path from the root. */
export const files = (...pathspecs: string[]): string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...pathspecs], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(root, file)));

export const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** Returns the imports inside of each cycle (strongly connected component, by Tarjan's algorithm). */
export function cycles(dependencies: Map<string, Set<string>>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    low.set(file, index);
    stack.push(file);
    for (const next of dependencies.get(file) ?? []) {
      if (!order.has(next)) low.set(file, Math.min(low.get(file)!, visit(next)));
      else if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, order.get(next)!));
    }
    if (low.get(file) === index) {
      const group = stack.splice(stack.indexOf(file));
      const imports = (file: string) => [...(dependencies.get(file) ?? [])].filter((next) => group.includes(next));
      if (group.length > 1)
        found.push(group.sort().flatMap((file) => imports(file).map((next) => `${file} → ${next}`)));
    }
    return low.get(file)!;
  };
  for (const file of dependencies.keys()) if (!order.has(file)) visit(file);
  return found;
}
