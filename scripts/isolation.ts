// npm run isolation [-- STEPS [SEED]]: simulates the proxy for some steps (default one million) and checks that callers
// never see each other's data.
import { main, run } from "./lib.ts";

const [steps = "1000000", seed = "1"] = process.argv.slice(2);

await main(async () => {
  const test = ["test", "--release", "--locked", "--package", "streamgage-edge", "--test", "isolation"];
  await run("cargo", [...test, "--", "--nocapture"], { env: { ISOLATION_STEPS: steps, ISOLATION_SEED: seed } });
});
