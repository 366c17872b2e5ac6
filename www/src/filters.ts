/** The form: a view goes in, changes to it come out. */
import type { Errors } from "streamgage";
import type { Team } from "./api";
import type { Combobox } from "./combobox";
import { earliest, presets } from "./dates";
import { element, make, say } from "./dom";
import { teamOptions } from "./teams";
import { FIELDS, type Field, type View } from "./view";

/** What a half-typed date is sent to the validator as: the browser doesn't tell what was typed. */
const NO_DATE = "not a date";

export interface Filters {
  show(view: View): void;
  showErrors(errors: Errors): void;
  setTeams(teams: Team[]): void;
}

/** `change` hears of new values, and whether more keystrokes may follow. */
export function bindFilters(
  today: string,
  users: Combobox,
  change: (values: Partial<View>, typing: boolean) => void,
): Filters {
  const input = (field: Field) => element<HTMLInputElement>(field);
  const start = input("start_date");
  const end = input("end_date");
  const resolution = element<HTMLSelectElement>("resolution");
  const team = element<HTMLSelectElement>("team_id");
  const nested = input("include_nested_teams");
  const repository = input("repo_name");

  start.min = end.min = earliest(today);
  for (const date of [start, end]) {
    date.addEventListener("input", () => change({ [date.id]: date.validity.badInput ? NO_DATE : date.value }, true));
    // Browsers fire no input event while a date stays incomplete.
    date.addEventListener("blur", () => date.validity.badInput && change({ [date.id]: NO_DATE }, false));
  }
  resolution.addEventListener("change", () => change({ resolution: resolution.value }, false));
  team.addEventListener("change", () => change({ team_id: team.value }, false));
  nested.addEventListener("change", () => change({ include_nested_teams: nested.checked ? "true" : "" }, false));
  repository.addEventListener("input", () => change({ repo_name: repository.value }, true));

  const ranges = presets(today).map(({ label, start, end }) => {
    const button = make("button", "quiet", label);
    button.type = "button";
    button.addEventListener("click", () => change({ start_date: start, end_date: end }, false));
    return { button, start, end };
  });
  element("presets").replaceChildren(...ranges.map(({ button }) => button));

  function show(view: View): void {
    for (const date of [start, end]) {
      const value = view[date.id as Field];
      // Writing a date input would undo what is being typed into it.
      if (value !== NO_DATE && date.value !== value) date.value = value;
    }
    select(resolution, view.resolution, view.resolution);
    select(team, view.team_id, `Team ${view.team_id}`);
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
      say(element(`${field}-error`), messages.join(" "));
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
    select(team, value, `Team ${value}`);
  }

  return { show, showErrors, setTeams };
}

/** Selects a value, which becomes an option of its own if the list has none: an address may ask for anything. */
function select(list: HTMLSelectElement, value: string, label: string): void {
  if (![...list.options].some((option) => option.value === value)) list.add(new Option(label, value));
  list.value = value;
}
