// npm run sbom: writes bills of materials in CycloneDX 1.6 into target/sbom: the crates that are built into the command
// line, the Worker and the package, and the npm packages, which only build and test. There is no tool for both that leaves
// out the time, random numbers and paths of this machine: equal lock files give equal bytes.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main, root } from "./lib.ts";

type Component = {
  name: string;
  version: string;
  license: string | undefined;
  /** The checksum of the registry; undefined for what is of this repository. */
  hash: { alg: "SHA-256" | "SHA-512"; content: string } | undefined;
  purl: string;
  dependsOn: string[];
};

type CargoPackage = { id: string; name: string; version: string; license: string | null; source: string | null };
type CargoNode = { id: string; deps: { pkg: string; dep_kinds: { kind: string | null }[] }[] };

/** Returns the crates of the workspace and all crates that they are built with, without those of tests. */
function crates(): Component[] {
  const args = ["metadata", "--format-version", "1", "--locked", "--all-features"];
  const output = execFileSync("cargo", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  const { packages, resolve, workspace_members } = JSON.parse(output) as {
    packages: CargoPackage[];
    resolve: { nodes: CargoNode[] };
    workspace_members: string[];
  };
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8").split("[[package]]\n");
  const checksum = ({ name, version }: CargoPackage) => {
    const entry = lock.find((entry) => entry.startsWith(`name = "${name}"\nversion = "${version}"\n`));
    return /^checksum = "(.+)"$/m.exec(entry ?? "")?.[1];
  };
  const byId = new Map(packages.map((each) => [each.id, each]));
  const purl = (id: string) => `pkg:cargo/${byId.get(id)?.name}@${byId.get(id)?.version}`;
  const dependencies = new Map(
    resolve.nodes.map(({ id, deps }) => [
      id,
      deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind !== "dev")).map(({ pkg }) => pkg),
    ]),
  );
  const reached = new Set(workspace_members);
  for (const id of reached) for (const next of dependencies.get(id) ?? []) reached.add(next);
  return [...reached].flatMap((id) => {
    const each = byId.get(id);
    if (each === undefined) return [];
    const content = each.source === null ? undefined : checksum(each);
    return {
      name: each.name,
      version: each.version,
      // An old spelling of OR.
      license: each.license?.replaceAll(/ ?\/ ?/g, " OR "),
      hash: content === undefined ? undefined : { alg: "SHA-256" as const, content },
      purl: purl(id),
      dependsOn: (dependencies.get(id) ?? []).map(purl),
    };
  });
}

type NpmEntry = {
  version: string;
  license?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
};

/** Returns the npm packages of the lock file, for all platforms. */
function npmPackages(): Component[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, NpmEntry>;
  };
  const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const purl = (path: string) =>
    `pkg:npm/${nameOf(path).replace("@", "%40")}@${encodeURIComponent(lock.packages[path]?.version ?? "")}`;
  /** Finds a dependency as Node does: in the folder of the package, then in those above. */
  const find = (from: string, name: string): string[] => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
      const path = `${folder}${folder === "" ? "" : "/"}node_modules/${name}`;
      if (path in lock.packages) return [path];
      if (folder === "") return [];
    }
  };
  return Object.entries(lock.packages)
    .filter(([path]) => path !== "")
    .map(([path, { version, license, integrity, dependencies, optionalDependencies }]) => ({
      name: nameOf(path),
      version,
      license,
      hash: integrity
        ? { alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }
        : undefined,
      purl: purl(path),
      dependsOn: Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) =>
        find(path, name).map(purl),
      ),
    }));
}

const byText = (one: string, other: string) => (one < other ? -1 : Number(one > other));

/** Returns a bill of materials. Packages that occur several times are listed once. */
export function bom(components: Component[]): object {
  const unique = [...new Map(components.map((each) => [each.purl, each])).values()];
  unique.sort((one, other) => byText(one.purl, other.purl));
  const version = /^version = "(.+)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": "streamgage", name: "streamgage", version } },
    components: unique.map(({ name, version, license, hash, purl }) => ({
      type: "library",
      "bom-ref": purl,
      name,
      version,
      ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
      ...(hash === undefined ? {} : { hashes: [hash] }),
      purl,
    })),
    dependencies: unique.map(({ purl, dependsOn }) => ({
      ref: purl,
      dependsOn: [...new Set(dependsOn)].sort(byText),
    })),
  };
}

export const boms = { "crates.cdx.json": () => bom(crates()), "npm.cdx.json": () => bom(npmPackages()) };

if (import.meta.main)
  await main(async () => {
    mkdirSync(join(root, "target/sbom"), { recursive: true });
    for (const [name, make] of Object.entries(boms)) {
      const file = join("target/sbom", name);
      writeFileSync(join(root, file), `${JSON.stringify(make(), null, 2)}\n`);
      console.log(file);
    }
  });
