// The dependencies between the Rust files of a crate: paths that begin with `crate`, `super`, `self` or a child module. A
// re-export is not a dependency; a use of a re-exported item depends on the file that defines the item.
import { dirname, relative } from "node:path";
import { files, read } from "./files.ts";

type Use = { path: string[]; name: string };
type Module = { path: string[]; file: string; code: string; uses: Use[]; reexports: Use[] };

const isTest = (file: string): boolean => /(^|\/)(tests|tests\.rs|benches|examples|bin)(\/|$)/.test(file);

/** Removes comments, string literals and the module of unit tests. */
const codeOf = (text: string): string =>
  text
    .replace(/\/\/.*$/gm, "")
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/#\[cfg\(test\)\]\s*mod \w+ \{[^]*$/, "");

/** Splits at commas outside of braces. */
function splitTopLevel(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "{") depth += 1;
    if (character === "}") depth -= 1;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** Expands a use tree such as `a::{b, c as d}` into one use per item. */
function expandUse(tree: string, prefix: string[] = []): Use[] {
  const group = /^(?:([\w:]+)::)?\{([^]*)\}$/.exec(tree);
  if (group) {
    const path = [...prefix, ...(group[1]?.split("::") ?? [])];
    return splitTopLevel(group[2] ?? "").flatMap((part) => expandUse(part, path));
  }
  const [item = "", alias] = tree.split(/\s+as\s+/);
  const path = [...prefix, ...item.split("::")];
  if (path.at(-1) === "self") path.pop();
  return [{ path, name: alias ?? path.at(-1) ?? "" }];
}

/** Resolves `crate`, `self`, `super` and child modules. Returns undefined for paths outside of the crate. */
function absolute(path: string[], module: Module, modules: Map<string, Module>): string[] | undefined {
  const [first = "", ...rest] = path;
  if (first === "crate") return rest;
  if (first === "self") return [...module.path, ...rest];
  if (first === "super") {
    const parent = { ...module, path: module.path.slice(0, -1) };
    return rest[0] === "super" ? absolute(rest, parent, modules) : [...parent.path, ...rest];
  }
  return modules.has([...module.path, first].join("::")) ? [...module.path, ...path] : undefined;
}

const defines = ({ code }: Module, name: string): boolean =>
  new RegExp(`\\b(fn|struct|enum|union|trait|type|const|static|mod|macro_rules!) +${name}\\b`).test(code);

/** Finds the file that defines the item of an absolute path. */
function definingFile(path: string[], modules: Map<string, Module>, depth = 0): string | undefined {
  let length = path.length;
  while (length > 0 && !modules.has(path.slice(0, length).join("::"))) length -= 1;
  const module = modules.get(path.slice(0, length).join("::"));
  const name = path[length];
  if (module === undefined || name === undefined || depth > 8 || defines(module, name)) return module?.file;
  for (const reexport of module.reexports) {
    if (reexport.name !== name && reexport.name !== "*") continue;
    const target = absolute(reexport.path, module, modules);
    if (target === undefined) continue;
    if (reexport.name === name) return definingFile([...target, ...path.slice(length + 1)], modules, depth + 1);
    const source = modules.get(target.slice(0, -1).join("::"));
    if (source && (defines(source, name) || source.reexports.some((each) => each.name === name)))
      return definingFile([...target.slice(0, -1), ...path.slice(length)], modules, depth + 1);
  }
  return module.file;
}

/** Returns the dependencies between the files of every crate. */
export function rustDependencies(): Map<string, Set<string>> {
  const dependencies = new Map<string, Set<string>>();
  for (const manifest of files("Cargo.toml", "*/Cargo.toml")) {
    const source = dirname(manifest) === "." ? "src" : `${dirname(manifest)}/src`;
    const modules = new Map<string, Module>();
    for (const file of files(`${source}/*.rs`)) {
      if (isTest(relative(source, file))) continue;
      const path = relative(source, file)
        .replace(/\.rs$/, "")
        .split("/")
        .filter((part, index, parts) => !(index === parts.length - 1 && ["mod", "lib", "main"].includes(part)));
      const module: Module = { path, file, code: codeOf(read(file)), uses: [], reexports: [] };
      for (const [, visibility, tree = ""] of module.code.matchAll(/^[ \t]*(pub(?:\([^)]*\))? +)?use +([^;]+);/gm))
        (visibility ? module.reexports : module.uses).push(...expandUse(tree.replace(/\s+/g, " ").trim()));
      module.code = module.code.replace(/^[ \t]*(pub(?:\([^)]*\))? +)?use +[^;]+;/gm, "");
      for (const [path] of module.code.matchAll(/(?<![\w:])[a-z_]\w*(?:::\w+)+/g))
        module.uses.push({ path: path.split("::"), name: "" });
      modules.set(path.join("::"), module);
    }
    for (const module of modules.values()) {
      const targets = module.uses.flatMap(({ path }) => {
        const target = absolute(path, module, modules);
        return target === undefined ? [] : (definingFile(target, modules) ?? []);
      });
      dependencies.set(module.file, new Set(targets.filter((file) => file !== module.file)));
    }
  }
  return dependencies;
}
