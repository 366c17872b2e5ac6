/** The filter form: shows a view and reports changes to it. */
import type { Errors } from "streamgage";
import type { Team } from "./api";
import type { UserCombobox } from "./user-combobox";
import { earliest, presets } from "./dates";
import { element, create, setText } from "./dom";
import { teamOptions } from "./team-tree";
import { FIELDS, type Field, type View } from "./view";

/** Stands for an incomplete date, because browsers do not expose its text. The validator rejects it. */
const INCOMPLETE_DATE = "not a date";

export interface FilterForm {
  show(view: View): void;
  showErrors(errors: Errors): void;
  setTeams(teams: Team[]): void;
}

/** Calls `onChange` with new values, and with `isTyping` if more keystrokes may follow. */
export function createFilterForm(
  today: string,
  users: UserCombobox,
  onChange: (values: Partial<View>, isTyping: boolean) => void,
): FilterForm {
  const input = (field: Field) => element<HTMLInputElement>(field);
  const start = input("start_date");
  const end = input("end_date");
  const resolution = element<HTMLSelectElement>("resolution");
  const team = element<HTMLSelectElement>("team_id");
  const nested = input("include_nested_teams");
  const repository = input("repo_name");

  start.min = end.min = earliest(today);
  for (const date of [start, end]) {
    date.addEventListener("input", () =>
      onChange({ [date.id]: date.validity.badInput ? INCOMPLETE_DATE : date.value }, true),
    );
    // Browsers do not fire an input event while a date is incomplete.
    date.addEventListener("blur", () => date.validity.badInput && onChange({ [date.id]: INCOMPLETE_DATE }, false));
  }
  resolution.addEventListener("change", () => onChange({ resolution: resolution.value }, false));
  team.addEventListener("change", () => onChange({ team_id: team.value }, false));
  nested.addEventListener("change", () => onChange({ include_nested_teams: nested.checked ? "true" : "" }, false));
  repository.addEventListener("input", () => onChange({ repo_name: repository.value }, true));

  const ranges = presets(today).map(({ label, start, end }) => {
    const button = create("button", "quiet", label);
    button.type = "button";
    button.addEventListener("click", () => onChange({ start_date: start, end_date: end }, false));
    return { button, start, end };
  });
  element("presets").replaceChildren(...ranges.map(({ button }) => button));

  function show(view: View): void {
    for (const date of [start, end]) {
      const value = view[date.id as Field];
      // Setting the value of a date input would discard what the user is typing.
      if (value !== INCOMPLETE_DATE && date.value !== value) date.value = value;
    }
    selectOption(resolution, view.resolution, view.resolution);
    selectOption(team, view.team_id, `Team ${view.team_id}`);
    nested.checked = view.include_nested_teams === "true";
    nested.disabled = view.team_id === "";
    users.show(view.apex_user_id);
    if (repository.value !== view.repo_name) repository.value = view.repo_name;
    for (const { button, start, end } of ranges) {
      button.setAttribute("aria-pressed", String(start === view.start_date && end === (view.end_date || today)));
    }
  }

  function showErrors(errors: Errors): void {
    for (const field of FIELDS) {
      const messages = errors[field] ?? [];
      setText(element(`${field}-error`), messages.join(" "));
      const control = element(field);
      if (messages.length > 0) {
        control.setAttribute("aria-invalid", "true");
        control.setAttribute("aria-describedby", `${field}-error`);
      } else {
        control.removeAttribute("aria-invalid");
        control.removeAttribute("aria-describedby");
      }
    }
  }

  function setTeams(teams: Team[]): void {
    const value = team.value;
    team.replaceChildren(new Option("All teams", ""), ...teamOptions(teams));
    selectOption(team, value, `Team ${value}`);
  }

  return { show, showErrors, setTeams };
}

/** Selects a value. Adds an option for a value that is not in the list, because the URL may contain any value. */
function selectOption(list: HTMLSelectElement, value: string, label: string): void {
  if (![...list.options].some((option) => option.value === value)) list.add(new Option(label, value));
  list.value = value;
}
