// npm run framework [-- REQUESTS [SEED]]: made-up lists of made-up rows, asked of `streamgage query` and of Django REST
// Framework on PostgreSQL itself, which the original is built on; 2,000 if not said. It needs Python and PostgreSQL.
import { join } from "node:path";
import { framework } from "./bench/django.ts";
import { UserError, main, root, run } from "./lib.ts";

await main(async () => {
  const [requests = "2000", seed = "1"] = process.argv.slice(2);
  const folder = join(root, "target/framework");
  const peer = await framework(folder);
  if (peer === undefined) throw new UserError("there is nothing to compare with");
  await run("cargo", ["build", "--locked", "--release", "--bin", "streamgage"]);
  peer.initialize();
  peer.begin();
  try {
    const program = join(root, "target/release/streamgage");
    const compare = join(root, "tests/peers/drf/compare.py");
    await run(peer.program("python"), [compare, join(folder, "dump"), program, requests, seed], { env: peer.env });
  } finally {
    peer.end();
  }
});
