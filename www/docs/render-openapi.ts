/** Renders the OpenAPI document as HTML at build time, so that the page is readable without JavaScript. */

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

/** Text that needs no escaping. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | Html[] | string | undefined;

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character] ?? character);
const toHtml = (part: Part): string => {
  if (Array.isArray(part)) return part.map(({ text }) => text).join("");
  return part instanceof Html ? part.text : escape(part ?? "");
};
const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(String.raw({ raw: strings }, ...parts.map(toHtml)));

/** Renders a description. Descriptions use only `code` and **bold**. */
const markdown = (text: string): Html =>
  new Html(
    escape(text)
      .replace(/`([^`]+)`/g, "<code>$1</code>")
      .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>"),
  );
const paragraphs = (text: string): Html[] => text.split("\n\n").map((paragraph) => html`<p>${markdown(paragraph)}</p>`);

export function render(document: OpenApi): string {
  const { info, tags, paths, components } = document;
  const resolve = <T>(value: T & { $ref?: string }): T => {
    const [, kind = "", name = ""] = /^#\/components\/(\w+)\/(.+)$/.exec(value.$ref ?? "") ?? [];
    return value.$ref === undefined ? value : (components[kind]?.[name] as T);
  };
  const endpoints = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const endpointsOf = (tag: string) => endpoints.filter(({ operation }) => operation.tags.includes(tag));

  const typeName = (schema: Schema): string => {
    const resolved = resolve(schema);
    if (resolved !== schema) return schema.$ref?.split("/").pop() ?? "";
    if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
    const name = [schema.type ?? "anything"].flat().join(" or ");
    if (schema.items) return `${name} of ${schema.items.enum ? "names" : typeName(schema.items)}`;
    return schema.format ? `${name} (${schema.format})` : name;
  };
  const limits = ({ minimum, maximum, default: fallback }: Schema): string =>
    [
      minimum === undefined ? "" : `at least ${minimum}`,
      maximum === undefined || maximum > 1e9 ? "" : `at most ${maximum.toLocaleString("en")}`,
      fallback === undefined ? "" : `default ${fallback}`,
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
  const collapsible = (summary: string, content: Part): Html =>
    html`<details>
      <summary>${summary}</summary>
      ${content}
    </details>`;

  /** Renders the allowed names of a list, collapsed. */
  const names = (schema: Schema): Part => {
    const values = schema.items?.enum ?? Object.keys(schema.properties ?? {});
    if (values.length === 0) return undefined;
    return collapsible(
      `${values.length} names`,
      html`<p>${values.map((value) => html`<code>${String(value)}</code> `)}</p>`,
    );
  };

  const parameter = ({ name, description, required, schema, example }: Parameter): Html => {
    const resolved = resolve(schema);
    const shownExample = schema.items || schema.properties ? undefined : example;
    return html`<tr>
      <th scope="row"><code>${name}</code>${required ? html` <small>required</small>` : undefined}</th>
      <td>${typeName(schema)}${limits(resolved) ? html`<br /><small>${limits(resolved)}</small>` : undefined}</td>
      <td>
        ${markdown(description)}${shownExample === undefined ? undefined : html` <small>e.g. <code>${String(shownExample)}</code></small>`}${names(schema)}
      </td>
    </tr>`;
  };

  /** Renders one row per field with all its lookups. Every lookup also exists negated, with a trailing `!`. */
  const filters = (parameters: Parameter[]): Html => {
    const fields = new Map<string, { lookups: string[]; types: Set<string>; about: string }>();
    for (const { name, description, schema } of parameters) {
      const [, about, path = name] = /^[^`]+`(?:[^`]+)`(?: \((.+)\))? /.exec(description) ?? [];
      const base = /`([^`]+)`/.exec(description)?.[1] ?? path;
      const field = fields.get(base) ?? { lookups: [], types: new Set(), about: about ?? "" };
      field.lookups.push(name.slice(base.length) || "=");
      if (!schema.items && !name.endsWith("__isnull")) field.types.add(typeName(schema));
      fields.set(base, field);
    }
    const rows = [...fields].map(
      ([name, { lookups, types, about }]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td>${[...types].join(" or ") || "boolean"}</td>
          <td class="lookups">${lookups.map((lookup) => html`<code>${lookup}</code> `)}</td>
          <td>${markdown(about)}</td>
        </tr>`,
    );
    return table("Filters", ["Field", "Value", "Lookups (add ! to negate)", ""], rows);
  };

  const curl = ({ method, path, body }: Request): Html => {
    const data = body === undefined ? "" : ` --data-binary @rows.ndjson`;
    const verb = method === "GET" ? "" : `-X ${method} `;
    // curl would expand brackets.
    const globbing = path.includes("[") ? "-g " : "";
    return html`<pre
      class="curl"
    ><code>curl ${verb}${globbing}-H "Authorization: Bearer $STREAMGAGE_KEY"${data} '<span class="origin">https://streamgage.example.com</span>${path}'</code></pre>`;
  };

  const responseExamples = (status: string, { content, description }: Response, open: boolean): Html[] =>
    Object.values(content ?? {}).flatMap(({ examples }) =>
      Object.values(examples ?? {}).map((example, at) => {
        const request = example["x-request"];
        return html`<details ${open && at === 0 ? new Html("open") : undefined}>
          <summary><span class="status s${status.charAt(0)}">${status}</span> ${example.summary}</summary>
          ${at === 0 ? html`<p class="note">${markdown(description)}</p>` : undefined}
          ${request ? curl(request) : undefined}
          <pre><code>${JSON.stringify(example.value, null, 2)}</code></pre>
        </details>`;
      }),
    );

  const fields = (schema: Schema): Html => {
    const rows = Object.entries(resolve(schema).properties ?? {}).map(
      ([name, field]) =>
        html`<tr>
          <th scope="row"><code>${name}</code></th>
          <td>${typeName(field)}</td>
          <td>${markdown(field.description ?? "")}</td>
        </tr>`,
    );
    return table("Fields", ["Field", "Type", ""], rows);
  };
  /** Returns the row schema of a list response, or the schema itself. */
  const rowSchemaOf = (schema: Schema): Schema => {
    const resolved = resolve(schema);
    return resolved.properties?.results?.items ?? schema;
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
    const resolved = parameters.map(resolve<Parameter>);
    const names = new Set(resolved.map(({ name }) => name));
    const isFilter = ({ name }: Parameter) => names.has(`${name}!`);
    const ownParameters = resolved.filter((each) => !isFilter(each) && !each.name.endsWith("!"));
    const conditions = resolved.filter(isFilter);
    const success = resolve(responses["200"] as Response);
    const json = success.content?.["application/json"];
    const first = Object.values(json?.examples ?? {})[0]?.["x-request"];
    const rowSchema = Object.values(requestBody?.content ?? {})[0]?.schema.items?.anyOf?.[0];
    const ownErrors = Object.entries(responses).filter(([status, { $ref }]) => status !== "200" && !$ref);
    return html`<section class="card endpoint" id="${operationId}">
      <h3><span class="method m${method}">${method}</span> <code>${path}</code></h3>
      <p>${markdown(summary)} ${markdown(description ?? "")}</p>
      ${
        conditions.length > 0
          ? html`<h4>Filters</h4>
              ${filters(conditions)}`
          : undefined
      }
      ${
        ownParameters.length > 0
          ? html`<h4>Parameters</h4>
              ${table("Parameters", ["Name", "Value", ""], ownParameters.map(parameter))}`
          : undefined
      }
      ${rowSchema ? collapsible("Fields of a request row", fields(rowSchema)) : undefined}
      ${json && Object.keys(resolve(rowSchemaOf(json.schema)).properties ?? {}).length > 0 ? collapsible("Fields of the response", fields(rowSchemaOf(json.schema))) : undefined}
      <h4>Responses</h4>
      ${json?.examples ? responseExamples("200", success, true) : html`<p>${markdown(success.description)}</p>`}
      ${ownErrors.flatMap(([status, response]) => responseExamples(status, response, false))}
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

  const healthy = paths["/healthz"]?.get?.responses["200"]?.content?.["application/json"]?.examples;
  const { today } = (Object.values(healthy ?? {})[0]?.value ?? {}) as { today?: string };

  return html`<main data-today="${today}">
    <div class="guide">
      <nav id="contents" class="card" aria-label="Endpoints">
        ${tags.map(
          ({ name }) =>
            html`<h2>${name}</h2>
              <ul>
                ${endpointsOf(name).map(
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
        <h2><a href="#errors">Common errors</a></h2>
      </nav>
      <div id="endpoints">
        <section class="card">${paragraphs(info.description)}</section>
        <form id="key-form" class="card" novalidate>
          <div class="field">
            <label for="key">API key for requests from this page</label>
            <input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="key-hint" />
            <p id="key-hint" class="note">
              It is stored in this tab until you close it and is sent only to this server.
            </p>
          </div>
        </form>
        ${tags.map(
          ({ name, description }) =>
            html`<h2 class="tag">${name}</h2>
              <p class="note">${markdown(description)}</p>
              ${endpointsOf(name).map(endpoint)}`,
        )}
        <section class="card" id="errors">
          <h2>Common errors</h2>
          ${shared.flatMap(([name, response]) => {
            const status = statuses[name] ?? "";
            const headers = Object.entries(response.headers ?? {});
            return html`<h3>
                <span class="status s${status.charAt(0)}">${status}</span> ${markdown(response.description)}
              </h3>
              ${headers.map(([header, { example }]) => html`<p><code>${header}: ${example}</code></p>`)}
              ${responseExamples(status, { ...response, description: "" }, false)}`;
          })}
        </section>
      </div>
    </div>
  </main>`.text;
}
