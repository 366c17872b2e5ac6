/** What went wrong, in words, and when to try again. */
import type { Problem, ProblemKind } from "./api";
import { element, say } from "./dom";

const TITLES: Record<ProblemKind, string> = {
  parameters: "The server refused the request",
  key: "The server refused the key",
  permission: "This key may not read metrics",
  throttled: "Too many requests",
  server: "The server failed",
  unreachable: "No connection to the server",
  unexpected: "An unexpected answer",
};

let timer: ReturnType<typeof setTimeout> | undefined;

export function hideProblem(): void {
  clearTimeout(timer);
  element("problem").hidden = true;
}

/** Shows a problem; after a 429 it asks again by itself. */
export function showProblem(problem: Problem, retry: () => void): void {
  hideProblem();
  element("problem-title").textContent = TITLES[problem.kind];
  say(element("problem-text"), [problem.message, advice(problem)].filter(Boolean).join(" "));
  element("problem").hidden = false;
  if (problem.retryAfter !== undefined) timer = setTimeout(retry, problem.retryAfter * 1000);
}

function advice(problem: Problem): string {
  switch (problem.kind) {
    case "permission":
      return "Ask for a key with the Metrics permission.";
    case "throttled":
      return `This page asks again by itself in ${problem.retryAfter} seconds.`;
    case "parameters":
      return Object.entries(problem.errors)
        .map(([field, messages]) => `${field}: ${[messages].flat().join(" ")}`)
        .join(" ");
    default:
      return "";
  }
}
