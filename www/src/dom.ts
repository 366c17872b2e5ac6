/** DOM helpers. Data is only ever inserted as text nodes. */

export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const node = document.getElementById(id);
  if (!node) throw new Error(`index.html has no #${id}`);
  return node as E;
}

/** Creates an element with a class and children. Strings become text nodes. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Sets the text of an element, and hides the element if the text is empty. */
export function setText(node: HTMLElement, text: string): void {
  node.textContent = text;
  node.hidden = text === "";
}

/** Shows a message on the button for two seconds. */
export function flashLabel(button: HTMLButtonElement, text: string): void {
  button.dataset.label ??= button.textContent ?? "";
  button.textContent = text;
  setTimeout(() => (button.textContent = button.dataset.label ?? ""), 2000);
}

/** Copies text to the clipboard and shows the outcome on the button. Plain HTTP or a missing permission makes it fail. */
export async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    flashLabel(button, "Copied");
  } catch {
    flashLabel(button, "Copying is not allowed");
  }
}
