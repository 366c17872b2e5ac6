// npm run framework [-- REQUESTS [SEED]]: compares `streamgage query` with Django REST Framework, on which the original
// API is built, on random rows and list requests (default 2,000). Requires Python and PostgreSQL.
import { join } from "node:path";
import { framework } from "./bench/django.ts";
import { UserError, main, root, run } from "./lib.ts";

await main(async () => {
  const [requests = "2000", seed = "1"] = process.argv.slice(2);
  const folder = join(root, "target/framework");
  const peer = await framework(folder);
  if (peer === undefined) throw new UserError("Django REST Framework is not available");
  await run("cargo", ["build", "--locked", "--release", "--bin", "streamgage"]);
  peer.initialize();
  peer.start();
  try {
    const program = join(root, "target/release/streamgage");
    const compare = join(root, "tests/peers/drf/compare.py");
    await run(peer.program("python"), [compare, join(folder, "dump"), program, requests, seed], { env: peer.env });
  } finally {
    peer.stop();
  }
});
