// npm run deploy: applies the migrations, then deploys the Worker, because new code may need new tables. The first
// deployment creates the database, so its migrations follow.
import { main, run, stage } from "./lib.ts";

const migrate = () => stage("migrations", () => run("wrangler", ["d1", "migrations", "apply", "DB", "--remote"]));
const deploy = () => stage("Worker", () => run("wrangler", ["deploy"]));

const databaseExists = (): Promise<boolean> =>
  run("wrangler", ["d1", "info", "DB", "--json"], { capture: true }).then(
    () => true,
    () => false,
  );

await main(async () => {
  if (await databaseExists()) {
    await migrate();
    await deploy();
  } else {
    await deploy();
    await migrate();
  }
});
