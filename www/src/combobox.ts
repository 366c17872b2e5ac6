/** A combobox of users after the ARIA pattern: typing filters, arrows move, Enter takes, Escape gives up. */
import type { User } from "./api";
import { element, make, say } from "./dom";

/** A list longer than this helps nobody; typing narrows it. */
const SHOWN = 50;

export interface Combobox {
  /** Shows the user of this id; "" for all. */
  show(id: string): void;
  /** The name of a user, as far as users are known. */
  label(id: string): string;
  /** Forgets the users that were loaded. */
  reset(): void;
}

/** `load` is asked once, when the users are first wanted; `choose` hears of the id chosen, "" for all. */
export function userCombobox(load: () => Promise<User[]>, choose: (id: string) => void): Combobox {
  const input = element<HTMLInputElement>("apex_user_id");
  const clear = element<HTMLButtonElement>("clear-user");
  const popup = element("users-popup");
  const list = element<HTMLUListElement>("users");
  let users: Promise<User[]> | undefined;
  let names = new Map<string, string>();
  let chosen = "";
  let matches: User[] = [];
  let active = -1;

  const label = (id: string) => (id === "" ? "" : names.get(id) || `User ${id}`);

  function show(id: string): void {
    chosen = id;
    input.value = label(id);
    clear.hidden = id === "";
    if (id !== "") void known().catch(() => undefined);
  }

  async function known(): Promise<User[]> {
    users ??= load();
    try {
      const all = await users;
      if (names.size === 0) {
        names = new Map(all.map((user) => [String(user.id), user.name]));
        if (document.activeElement !== input) input.value = label(chosen);
      }
      return all.filter((user) => !user.hidden_from_reports);
    } catch (error) {
      users = undefined;
      throw error;
    }
  }

  async function open(filter: string): Promise<void> {
    note("Loading users…");
    try {
      const all = await known();
      if (document.activeElement !== input) return;
      const wanted = filter.trim().toLowerCase();
      const found = all.filter(
        ({ id, name, email }) => `${name} ${email ?? ""}`.toLowerCase().includes(wanted) || String(id) === wanted,
      );
      matches = found.slice(0, SHOWN);
      fill(found.length);
      // Of what was searched for, the best answer is ready to be taken; a list only opened offers nothing yet.
      if (wanted !== "" && found.length > 0) activate(0);
    } catch (error) {
      matches = [];
      note(`Users can't be listed: ${(error as Error).message} An id can be typed instead.`);
    }
  }

  function fill(found: number): void {
    if (found === 0) return note("No such user.");
    note(found > SHOWN ? `${found - SHOWN} more: type to narrow the list.` : "");
    list.replaceChildren(
      ...matches.map((user, index) => {
        const option = make(
          "li",
          "",
          make("span", "", user.name || `User ${user.id}`),
          make("small", "", user.email ?? `id ${user.id}`),
        );
        option.id = `user-option-${index}`;
        option.role = "option";
        option.addEventListener("click", () => take(String(user.id)));
        return option;
      }),
    );
  }

  /** Opens the list without options, with a remark. */
  function note(text: string): void {
    list.replaceChildren();
    say(element("users-note"), text);
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

  function take(id: string): void {
    const changed = id !== chosen;
    show(id);
    expand(false);
    if (changed) choose(id);
  }

  /** Enter: the option at hand, or nobody, or an id typed where no list could be had. */
  function takeTyped(): void {
    const typed = input.value.trim();
    const option = matches[active];
    if (option) take(String(option.id));
    else if (typed === "") take("");
    else if (/^\d+$/.test(typed)) take(typed);
    else if (typed === label(chosen)) expand(false);
  }

  input.addEventListener("focus", () => {
    input.select();
    void known().catch(() => undefined);
  });
  input.addEventListener("click", () => void open(""));
  input.addEventListener("input", () => void open(input.value));
  input.addEventListener("blur", () => {
    expand(false);
    if (input.value.trim() === "") take("");
    else input.value = label(chosen);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = label(chosen);
      expand(false);
    } else if (event.key === "Enter") {
      event.preventDefault();
      takeTyped();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (popup.hidden) void open("");
      else if (matches.length > 0) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate(active < 0 && step < 0 ? matches.length - 1 : (active + step + matches.length) % matches.length);
      }
    }
  });
  // Pressing an option must not take the focus away, which would close the list before the click.
  popup.addEventListener("pointerdown", (event) => event.preventDefault());
  clear.addEventListener("click", () => {
    take("");
    input.focus();
  });

  const reset = () => {
    users = undefined;
    names = new Map();
  };
  return { show, label, reset };
}
