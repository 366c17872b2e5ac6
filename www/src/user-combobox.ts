/** A user combobox that follows the ARIA pattern: typing filters, arrows move, Enter selects, Escape cancels. */
import type { User } from "./api";
import { element, create, setText } from "./dom";

/** The longest list that is shown. */
const MAX_OPTIONS = 50;

export interface UserCombobox {
  /** Shows the user with this id, or all users if the id is "". */
  show(id: string): void;
  /** Returns the name of a user, or a placeholder if users are not loaded. */
  label(id: string): string;
  /** Discards the loaded users. */
  reset(): void;
}

/** Calls `load` once, when users are first needed, and `onSelect` with the selected id, or "" for all users. */
export function createUserCombobox(load: () => Promise<User[]>, onSelect: (id: string) => void): UserCombobox {
  const input = element<HTMLInputElement>("apex_user_id");
  const clear = element<HTMLButtonElement>("clear-user");
  const popup = element("users-popup");
  const list = element<HTMLUListElement>("users");
  let users: Promise<User[]> | undefined;
  let names = new Map<string, string>();
  let selectedId = "";
  let matches: User[] = [];
  let active = -1;

  const label = (id: string) => (id === "" ? "" : names.get(id) || `User ${id}`);

  function show(id: string): void {
    selectedId = id;
    input.value = label(id);
    clear.hidden = id === "";
    if (id !== "") void loadedUsers().catch(() => undefined);
  }

  async function loadedUsers(): Promise<User[]> {
    users ??= load();
    try {
      const all = await users;
      if (names.size === 0) {
        names = new Map(all.map((user) => [String(user.id), user.name]));
        if (document.activeElement !== input) input.value = label(selectedId);
      }
      return all.filter((user) => !user.hidden_from_reports);
    } catch (error) {
      users = undefined;
      throw error;
    }
  }

  async function open(filter: string): Promise<void> {
    showNote("Loading users…");
    try {
      const all = await loadedUsers();
      if (document.activeElement !== input) return;
      const searchText = filter.trim().toLowerCase();
      const allMatches = all.filter(
        ({ id, name, email }) =>
          `${name} ${email ?? ""}`.toLowerCase().includes(searchText) || String(id) === searchText,
      );
      matches = allMatches.slice(0, MAX_OPTIONS);
      showOptions(allMatches.length);
      // A search preselects its first result. A list opened without a search preselects nothing.
      if (searchText !== "" && allMatches.length > 0) activate(0);
    } catch (error) {
      matches = [];
      showNote(`Users cannot be listed: ${(error as Error).message} You can type an id instead.`);
    }
  }

  function showOptions(count: number): void {
    if (count === 0) return showNote("No matching user.");
    showNote(count > MAX_OPTIONS ? `${count - MAX_OPTIONS} more: type to narrow the list.` : "");
    list.replaceChildren(
      ...matches.map((user, index) => {
        const option = create(
          "li",
          "",
          create("span", "", user.name || `User ${user.id}`),
          create("small", "", user.email ?? `id ${user.id}`),
        );
        option.id = `user-option-${index}`;
        option.role = "option";
        option.addEventListener("click", () => select(String(user.id)));
        return option;
      }),
    );
  }

  /** Opens the empty list with a message. */
  function showNote(text: string): void {
    list.replaceChildren();
    setText(element("users-note"), text);
    expand(true);
    activate(-1);
  }

  function activate(index: number): void {
    list.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    active = index;
    const option = index < 0 ? null : list.children[index];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function expand(open: boolean): void {
    popup.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) activate(-1);
  }

  function select(id: string): void {
    const changed = id !== selectedId;
    show(id);
    expand(false);
    if (changed) onSelect(id);
  }

  /** Handles Enter: selects the active option, all users, or a typed id. */
  function confirmInput(): void {
    const typed = input.value.trim();
    const option = matches[active];
    if (option) select(String(option.id));
    else if (typed === "") select("");
    else if (/^\d+$/.test(typed)) select(typed);
    else if (typed === label(selectedId)) expand(false);
  }

  input.addEventListener("focus", () => {
    input.select();
    void loadedUsers().catch(() => undefined);
  });
  input.addEventListener("click", () => void open(""));
  input.addEventListener("input", () => void open(input.value));
  input.addEventListener("blur", () => {
    expand(false);
    if (input.value.trim() === "") select("");
    else input.value = label(selectedId);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = label(selectedId);
      expand(false);
    } else if (event.key === "Enter") {
      event.preventDefault();
      confirmInput();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (popup.hidden) void open("");
      else if (matches.length > 0) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate(active < 0 && step < 0 ? matches.length - 1 : (active + step + matches.length) % matches.length);
      }
    }
  });
  // Pressing an option must not move the focus, because the list would close before the click.
  popup.addEventListener("pointerdown", (event) => event.preventDefault());
  clear.addEventListener("click", () => {
    select("");
    input.focus();
  });

  const reset = () => {
    users = undefined;
    names = new Map();
  };
  return { show, label, reset };
}
