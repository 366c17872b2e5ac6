import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { render, type OpenApi } from "./docs/render-openapi.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Emits the OpenAPI document, which scripts/build-page.ts writes into target/, as a file and as the documentation page. */
function openapi(): Plugin {
  const read = (): string => readFileSync(here("../target/openapi.json"), "utf8");
  return {
    name: "openapi",
    transformIndexHtml: (html) => html.replace("<!-- document -->", () => render(JSON.parse(read()) as OpenApi)),
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "openapi.json", source: read() });
    },
  };
}

export default defineConfig({
  root: here("."),
  plugins: [openapi()],
  resolve: { alias: { streamgage: here("../browser/dist/streamgage.js") } },
  build: {
    target: "es2022",
    // The Content-Security-Policy allows no data: URLs and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: [here("index.html"), here("docs/index.html")] },
  },
  // For `npx vite www` next to a local Worker.
  server: {
    proxy: { "^/(v3/|import/|healthz|dataset|openapi.json)": process.env.STREAMGAGE_URL ?? "http://127.0.0.1:8787" },
  },
});
