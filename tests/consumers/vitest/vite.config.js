import { defineConfig } from "vitest/config";

// The configuration that Svelte's documentation recommends for tests of components.
export default defineConfig({ resolve: { conditions: ["browser"] }, test: { environment: "jsdom" } });
