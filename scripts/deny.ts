// npm run deny: checks the Rust crates against deny.toml: licences, bans, sources, and known vulnerabilities where the
// database can be reached.
import { main, run } from "./lib.ts";
import { cargoDeny } from "./tools.ts";

await main(async () => {
  const program = await cargoDeny();
  for (const manifest of ["Cargo.toml", "fuzz/Cargo.toml"]) {
    const deny = (...args: string[]) =>
      run(program, ["--manifest-path", manifest, "--workspace", "--locked", "--config", "deny.toml", ...args]);
    console.log(`== ${manifest}`);
    await deny("check", "licenses", "bans", "sources");
    const isReachable = await deny("fetch", "db").then(
      () => true,
      () => false,
    );
    if (isReachable) await deny("check", "advisories");
    else console.error("warning: the advisory database cannot be reached; known vulnerabilities are not checked");
  }
});
