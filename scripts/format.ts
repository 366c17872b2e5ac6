// npm run format: formats all files as the format step of npm test requires.
import { main, run } from "./lib.ts";

await main(async () => {
  await run("cargo", ["fmt", "--all"]);
  await run("cargo", ["fmt", "--manifest-path", "fuzz/Cargo.toml"]);
  await run("prettier", ["--write", "--log-level", "warn", "."]);
});
