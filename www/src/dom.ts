/** The few things done to the document again and again. Data only ever becomes text nodes. */

export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found as E;
}

/** A new element with a class and children; strings become text nodes. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Shows `text` in a paragraph, or hides it where there is none. */
export function say(node: HTMLElement, text: string): void {
  node.textContent = text;
  node.hidden = text === "";
}

/** Says on the button itself, for a moment, what came of it. */
export function acknowledge(button: HTMLButtonElement, text: string): void {
  button.dataset.label ??= button.textContent ?? "";
  button.textContent = text;
  setTimeout(() => (button.textContent = button.dataset.label ?? ""), 2000);
}

/** Copies text; where the page may not (plain http, no permission) it says so on the button. */
export async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    acknowledge(button, "Copied");
  } catch {
    acknowledge(button, "The browser refused");
  }
}
