// npm run format: what the format step of npm test asks for.
import { main, run } from "./lib.ts";

await main(async () => {
  await run("cargo", ["fmt", "--all"]);
  await run("cargo", ["fmt", "--manifest-path", "fuzz/Cargo.toml"]);
  await run("prettier", ["--write", "--log-level", "warn", "."]);
});
