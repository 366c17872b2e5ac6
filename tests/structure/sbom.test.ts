// The bills of materials of `npm run sbom`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boms } from "../../scripts/sbom.ts";
import { read } from "./files.ts";

type Bom = {
  components: { name: string; purl: string; licenses?: { expression: string }[]; hashes?: { content: string }[] }[];
  dependencies: { ref: string; dependsOn: string[] }[];
};

for (const [name, make] of Object.entries(boms))
  test(`${name} lists every package once, with licence and checksum, and is the same each time`, () => {
    const text = JSON.stringify(make());
    assert.equal(JSON.stringify(make()), text);
    assert.doesNotMatch(text, /file:|serialNumber|timestamp/);
    const { components, dependencies } = JSON.parse(text) as Bom;
    const purls = components.map(({ purl }) => purl);
    assert.equal(new Set(purls).size, purls.length);
    assert.deepEqual(
      dependencies.map(({ ref }) => ref),
      purls,
    );
    for (const { ref, dependsOn } of dependencies)
      for (const each of dependsOn) assert.ok(purls.includes(each), `${ref} depends on ${each}`);
    // Some npm packages have no licence in their manifests.
    const withoutLicence = components.filter(({ licenses }) => !licenses?.[0]?.expression).length;
    assert.ok(withoutLicence <= (name === "npm.cdx.json" ? 5 : 0), `${withoutLicence} packages have no licence`);
    for (const { name, hashes } of components) {
      assert.ok(name.startsWith("streamgage") || hashes?.[0]?.content, `the checksum of ${name}`);
    }
    if (name === "npm.cdx.json") {
      const locked = Object.keys((JSON.parse(read("package-lock.json")) as { packages: object }).packages);
      assert.ok(purls.length > 200 && purls.length < locked.length);
    } else {
      assert.ok(
        purls.includes("pkg:cargo/streamgage@0.1.0") && purls.some((purl) => purl.startsWith("pkg:cargo/ureq@")),
      );
      assert.ok(!purls.some((purl) => purl.startsWith("pkg:cargo/proptest@")), "crates of tests are left out");
    }
  });
