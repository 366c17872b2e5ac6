// npm run isolation [-- STEPS [SEED]]: the proxy's front and keeper in a made-up world, a million steps long if not told otherwise.
import { main, run } from "./lib.ts";

const [steps = "1000000", seed = "1"] = process.argv.slice(2);

await main(async () => {
  const test = ["test", "--release", "--locked", "--package", "streamgage-edge", "--test", "isolation"];
  await run("cargo", [...test, "--", "--nocapture"], { env: { ISOLATION_STEPS: steps, ISOLATION_SEED: seed } });
});
