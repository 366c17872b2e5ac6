import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  resolve: { alias: { streamgage: fileURLToPath(new URL("../browser/dist/streamgage.js", import.meta.url)) } },
  build: {
    target: "es2022",
    // The Content-Security-Policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npx vite www` beside a local Worker.
  server: { proxy: { "^/(v3/|healthz|dataset)": process.env.STREAMGAGE_URL ?? "http://127.0.0.1:8787" } },
});
