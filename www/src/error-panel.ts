/** The error panel: explains an error and retries after a 429. */
import type { ApiError, ApiErrorKind } from "./api";
import { element, setText } from "./dom";

const TITLES: Record<ApiErrorKind, string> = {
  "invalid-request": "The server rejected the request",
  unauthorized: "The server rejected the key",
  forbidden: "This key has no permission to read metrics",
  "rate-limited": "Too many requests",
  server: "The server failed",
  unreachable: "The server is unreachable",
  unexpected: "Unexpected response",
};

let timer: ReturnType<typeof setTimeout> | undefined;

export function hideError(): void {
  clearTimeout(timer);
  element("error-panel").hidden = true;
}

/** Shows an error. Calls `retry` when the waiting time of a 429 is over. */
export function showError(error: ApiError, retry: () => void): void {
  hideError();
  element("error-panel-title").textContent = TITLES[error.kind];
  setText(element("error-panel-text"), [error.message, adviceFor(error)].filter(Boolean).join(" "));
  element("error-panel").hidden = false;
  if (error.retryAfter !== undefined) timer = setTimeout(retry, error.retryAfter * 1000);
}

function adviceFor(error: ApiError): string {
  switch (error.kind) {
    case "forbidden":
      return "Use a key with the Metrics permission.";
    case "rate-limited":
      return `This page retries in ${error.retryAfter} seconds.`;
    case "invalid-request":
      return Object.entries(error.errors)
        .map(([field, messages]) => `${field}: ${[messages].flat().join(" ")}`)
        .join(" ");
    default:
      return "";
  }
}
