// Prints what the server code renders: as the development server loads it, and as it is built.
import { build, createServer } from "vite";

const config = { logLevel: "error", ssr: { noExternal: ["streamgage"] } };
const server = await createServer({ ...config, server: { middlewareMode: true }, appType: "custom" });
console.log(await (await server.ssrLoadModule("/server.js")).render());
await server.close();
await build({ ...config, build: { ssr: "server.js", outDir: "server", target: "node20" } });
console.log(await (await import("./server/server.js")).render());
