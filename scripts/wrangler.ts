// Runs wrangler without prompts, banners and telemetry.
import { run, type RunOptions } from "./lib.ts";

export const quiet = {
  CI: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  // The explorer lets everyone on this machine read and change local databases.
  X_LOCAL_EXPLORER: "false",
  // Otherwise traces of all requests are stored in the folder of the local databases, without a limit.
  X_LOCAL_OBSERVABILITY: "false",
};

export const wrangler = (args: string[], options: RunOptions = {}): Promise<string> =>
  run("wrangler", args, { ...options, env: { ...quiet, ...options.env } });
