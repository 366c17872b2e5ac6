// Lock files: every package from a registry has a checksum, so that a registry cannot replace it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { files, read } from "./files.ts";

type NpmPackage = { version?: string; integrity?: string; resolved?: string; link?: boolean };

for (const file of files("package-lock.json", "**/package-lock.json"))
  test(`${file}: every package has a SHA-512 and comes from the default registry`, () => {
    const { lockfileVersion, packages } = JSON.parse(read(file)) as {
      lockfileVersion: number;
      packages: Record<string, NpmPackage>;
    };
    assert.equal(lockfileVersion, 3);
    const entries = Object.entries(packages).filter(([path]) => path !== "");
    assert.ok(entries.length > 0);
    for (const [path, { version, integrity, resolved, link }] of entries) {
      assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, path);
      assert.match(version ?? "", /^\d+\.\d+\.\d+/, path);
      assert.deepEqual({ resolved, link }, { resolved: undefined, link: undefined }, path);
    }
  });

for (const file of files("Cargo.lock", "**/Cargo.lock"))
  test(`${file}: every crate that is not of this repository has a SHA-256 and comes from the default registry`, () => {
    const crates = read(file).split("[[package]]\n").slice(1);
    assert.ok(crates.length > 0);
    for (const crate of crates) {
      const [, name = ""] = /^name = "(.+)"$/m.exec(crate) ?? [];
      const [, source] = /^source = "(.+)"$/m.exec(crate) ?? [];
      if (source === undefined && name.startsWith("streamgage")) continue;
      assert.match(source ?? "", /^registry\+/, name);
      assert.match(crate, /^checksum = "[0-9a-f]{64}"$/m, name);
    }
  });

test("package.json has exact versions", () => {
  for (const file of files("package.json", "**/package.json")) {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(file)) as Record<
      string,
      Record<string, string> | undefined
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }))
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${file}: ${name}`);
  }
});
