/** The OpenAPI document as a page. It is rendered when the page is built, so it can be read without a script. */

type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
};
type Request = { method: string; path: string; authorization?: string; body?: string };
type Example = { summary: string; value: unknown; "x-request"?: Request };
type Content = Record<string, { schema: Schema; examples?: Record<string, Example> }>;
type Parameter = {
  $ref?: string;
  name: string;
  in: string;
  description: string;
  required?: boolean;
  schema: Schema;
  example?: unknown;
};
type Response = {
  $ref?: string;
  description: string;
  content?: Content;
  headers?: Record<string, { example: string }>;
};
type Operation = {
  tags: string[];
  operationId: string;
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, Response>;
};
export type OpenApi = {
  info: { description: string; version: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
};

/** Text that is HTML already. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | Html[] | string | undefined;

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replace(/[&<>"]/g, (found) => escapes[found] ?? found);
const written = (part: Part): string => {
  if (Array.isArray(part)) return part.map(({ text }) => text).join("");
  return part instanceof Html ? part.text : escape(part ?? "");
};
const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(String.raw({ raw: strings }, ...parts.map(written)));

/** `code` and **bold**, which is all that descriptions have. */
const prose = (text: string): Html =>
  new Html(
    escape(text)
      .replace(/`([^`]+)`/g, "<code>$1</code>")
      .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>"),
  );
const paragraphs = (text: string): Html[] => text.split("\n\n").map((paragraph) => html`<p>${prose(paragraph)}</p>`);

export function render(document: OpenApi): string {
  const { info, tags, paths, components } = document;
  const find = <T>(value: T & { $ref?: string }): T => {
    const [, kind = "", name = ""] = /^#\/components\/(\w+)\/(.+)$/.exec(value.$ref ?? "") ?? [];
    return value.$ref === undefined ? value : (components[kind]?.[name] as T);
  };
  const endpoints = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const of = (tag: string) => endpoints.filter(({ operation }) => operation.tags.includes(tag));

  const type = (schema: Schema): string => {
    const known = find(schema);
    if (known !== schema) return schema.$ref?.split("/").pop() ?? "";
    if (schema.anyOf) return schema.anyOf.map(type).join(" or ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
    const name = [schema.type ?? "anything"].flat().join(" or ");
    if (schema.items) return `${name} of ${schema.items.enum ? "names" : type(schema.items)}`;
    return schema.format ? `${name} (${schema.format})` : name;
  };
  const limits = ({ minimum, maximum, default: fallback }: Schema): string =>
    [
      minimum === undefined ? "" : `at least ${minimum}`,
      maximum === undefined || maximum > 1e9 ? "" : `at most ${maximum.toLocaleString("en")}`,
      fallback === undefined ? "" : `${fallback} if absent`,
    ]
      .filter(Boolean)
      .join(", ");

  const table = (caption: string, columns: string[], rows: Html[]): Html =>
    html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
      <table>
        <thead>
          <tr>
            ${columns.map((column) => html`<th scope="col">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
  const folded = (summary: string, content: Part): Html =>
    html`<details>
      <summary>${summary}</summary>
      ${content}
    </details>`;

  /** The names that a list is made of, behind a fold. */
  const names = (schema: Schema): Part => {
    const values = schema.items?.enum ?? Object.keys(schema.properties ?? {});
    if (values.length === 0) return undefined;
    return folded(
      `${values.length} names`,
      html`<p>${values.map((value) => html`<code>${String(value)}</code> `)}</p>`,
    );
  };

  const parameter = ({ name, description, required, schema, example }: Parameter): Html => {
    const known = find(schema);
    const shown = schema.items || schema.properties ? undefined : example;
    return html`<tr>
      <th scope="row"><code>${name}</code>${required ? html` <small>required</small>` : undefined}</th>
      <td>${type(schema)}${limits(known) ? html`<br /><small>${limits(known)}</small>` : undefined}</td>
      <td>
        ${prose(description)}${shown === undefined ? undefined : html` <small>e.g. <code>${String(shown)}</code></small>`}${names(schema)}
      </td>
    </tr>`;
  };

  /** A field a line, with all its lookups: of each there is one that leaves out, with a `!`. */
  const filters = (parameters: Parameter[]): Html => {
    const fields = new Map<string, { lookups: string[]; types: Set<string>; about: string }>();
    for (const { name, description, schema } of parameters) {
      const [, about, field = name] = /^[^`]+`(?:[^`]+)`(?: \((.+)\))? /.exec(description) ?? [];
      const base = /`([^`]+)`/.exec(description)?.[1] ?? field;
      const known = fields.get(base) ?? { lookups: [], types: new Set(), about: about ?? "" };
      known.lookups.push(name.slice(base.length) || "=");
      if (!schema.items && !name.endsWith("__isnull")) known.types.add(type(schema));
      fields.set(base, known);
    }
    const rows = [...fields].map(
      ([name, { lookups, types, about }]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td>${[...types].join(" or ") || "boolean"}</td>
          <td class="lookups">${lookups.map((lookup) => html`<code>${lookup}</code> `)}</td>
          <td>${prose(about)}</td>
        </tr>`,
    );
    return table("Filters", ["Field", "Value", "Lookups, each also with ! at its end", ""], rows);
  };

  const curl = ({ method, path, body }: Request): Html => {
    const data = body === undefined ? "" : ` --data-binary @rows.ndjson`;
    const verb = method === "GET" ? "" : `-X ${method} `;
    // Brackets mean something to curl, and spaces nothing good to a shell.
    const globbing = path.includes("[") ? "-g " : "";
    return html`<pre
      class="curl"
    ><code>curl ${verb}${globbing}-H "Authorization: Bearer $STREAMGAGE_KEY"${data} '<span class="origin">https://streamgage.example.com</span>${path}'</code></pre>`;
  };

  const answers = (status: string, { content, description }: Response, open: boolean): Html[] =>
    Object.values(content ?? {}).flatMap(({ examples }) =>
      Object.values(examples ?? {}).map((example, at) => {
        const request = example["x-request"];
        return html`<details ${open && at === 0 ? new Html("open") : undefined}>
          <summary><span class="status s${status.charAt(0)}">${status}</span> ${example.summary}</summary>
          ${at === 0 ? html`<p class="note">${prose(description)}</p>` : undefined}
          ${request ? curl(request) : undefined}
          <pre><code>${JSON.stringify(example.value, null, 2)}</code></pre>
        </details>`;
      }),
    );

  const fields = (schema: Schema): Html => {
    const rows = Object.entries(find(schema).properties ?? {}).map(
      ([name, field]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td>${type(field)}</td>
          <td>${prose(field.description ?? "")}</td>
        </tr>`,
    );
    return table("Fields", ["Field", "Type", ""], rows);
  };
  /** The rows of a list, or the object itself. */
  const shape = (schema: Schema): Schema => {
    const known = find(schema);
    return known.properties?.results?.items ?? schema;
  };

  const tryIt = (method: string, request: Request): Html =>
    html`<form class="try" data-method="${method}">
      <label>Request <input name="path" value="${request.path}" autocomplete="off" spellcheck="false" /></label>
      ${method === "POST" ? html`<label>Body <textarea name="body" rows="4" spellcheck="false">${request.body}</textarea></label>` : undefined}
      <button type="submit">Send</button>
      <output></output>
    </form>`;

  const endpoint = ({ path, method, operation }: (typeof endpoints)[number]): Html => {
    const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
    const known = parameters.map(find<Parameter>);
    const sent = new Set(known.map(({ name }) => name));
    const isFilter = ({ name }: Parameter) => sent.has(`${name}!`);
    const own = known.filter((each) => !isFilter(each) && !each.name.endsWith("!"));
    const conditions = known.filter(isFilter);
    const good = find(responses["200"] as Response);
    const json = good.content?.["application/json"];
    const first = Object.values(json?.examples ?? {})[0]?.["x-request"];
    const rowSchema = Object.values(requestBody?.content ?? {})[0]?.schema.items?.anyOf?.[0];
    const own_errors = Object.entries(responses).filter(([status, { $ref }]) => status !== "200" && !$ref);
    return html`<section class="card endpoint" id="${operationId}">
      <h3><span class="method m${method}">${method}</span> <code>${path}</code></h3>
      <p>${prose(summary)} ${prose(description ?? "")}</p>
      ${
        conditions.length > 0
          ? html`<h4>Filters</h4>
              ${filters(conditions)}`
          : undefined
      }
      ${
        own.length > 0
          ? html`<h4>Parameters</h4>
              ${table("Parameters", ["Name", "Value", ""], own.map(parameter))}`
          : undefined
      }
      ${rowSchema ? folded("Fields of a row that is sent", fields(rowSchema)) : undefined}
      ${json && Object.keys(find(shape(json.schema)).properties ?? {}).length > 0 ? folded("Fields of the answer", fields(shape(json.schema))) : undefined}
      <h4>Answers</h4>
      ${json?.examples ? answers("200", good, true) : html`<p>${prose(good.description)}</p>`}
      ${own_errors.flatMap(([status, response]) => answers(status, response, false))}
      ${
        first
          ? html`<h4>Try it</h4>
              ${tryIt(method, first)}`
          : undefined
      }
    </section>`;
  };

  const shared = Object.entries(components.responses as Record<string, Response>);
  const statuses: Record<string, string> = {};
  for (const { operation } of endpoints)
    for (const [status, { $ref }] of Object.entries(operation.responses))
      if ($ref) statuses[$ref.split("/").pop() ?? ""] = status;

  return html`<main>
    <div class="guide">
      <nav id="contents" class="card" aria-label="Endpoints">
        ${tags.map(
          ({ name }) =>
            html`<h2>${name}</h2>
              <ul>
                ${of(name).map(
                  ({ path, method, operation }) =>
                    html`<li>
                      <a href="#${operation.operationId}"
                        ><span class="method m${method}">${method}</span>
                        ${path.replace(/^\/v3\/customer|code_fundamentals/g, "…")}</a
                      >
                    </li>`,
                )}
              </ul>`,
        )}
        <h2><a href="#errors">Errors of all</a></h2>
      </nav>
      <div id="endpoints">
        <section class="card">${paragraphs(info.description)}</section>
        <form id="key-form" class="card" novalidate>
          <div class="field">
            <label for="key">API key, to try requests from this page</label>
            <input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="key-hint" />
            <p id="key-hint" class="note">It stays in this tab until you close it, and is sent to this server only.</p>
          </div>
        </form>
        ${tags.map(
          ({ name, description }) =>
            html`<h2 class="tag">${name}</h2>
              <p class="note">${prose(description)}</p>
              ${of(name).map(endpoint)}`,
        )}
        <section class="card" id="errors">
          <h2>Errors of all endpoints</h2>
          ${shared.flatMap(([name, response]) => {
            const status = statuses[name] ?? "";
            const headers = Object.entries(response.headers ?? {});
            return html`<h3>
                <span class="status s${status.charAt(0)}">${status}</span> ${prose(response.description)}
              </h3>
              ${headers.map(([header, { example }]) => html`<p><code>${header}: ${example}</code></p>`)}
              ${answers(status, { ...response, description: "" }, false)}`;
          })}
        </section>
      </div>
    </div>
  </main>`.text;
}
