/**
 * Lists that are loaded page by page. A list can change meanwhile. Pages after an id (`id__gt`) contain every row that
 * exists the whole time. Where that is not possible, pages overlap by one row, which must be the last row of the page
 * before. A list that changed is read again.
 */
import { bindings } from "./instance.ts";
import { listPath } from "./queries.ts";
import { callbackFailure, done, failed, type Added, type Outcome } from "./results.ts";
import type { ResourceName } from "./rows.ts";
import type { Table } from "./table.ts";

/** The progress of a load. */
export interface Progress {
  resource: ResourceName;
  /** The number of rows added to the table. It starts again if the list is read again. */
  rows: number;
  /** The total number of rows on the server. */
  count: number | null;
  pages: number;
}

/** Sends a request for a page of the list. */
type Fetch = (query: string) => Promise<Outcome<LoadedPage>>;

/** A page, as far as the client reads it. `ids` is empty if a row has no id. */
export interface LoadedPage {
  text: string;
  count: number | undefined;
  next: string | null;
  ids: number[];
}

/** One read of a list. */
interface Read {
  rows: number;
  count: number | undefined;
  ids: number[];
  /** The inconsistency, if the list changed. */
  change?: string;
}

const MAX_READS = 3;

/** Loads all rows of a list into a table. */
export async function loadList(
  table: Table,
  resource: ResourceName,
  query: string,
  fetch: Fetch,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<Outcome<Added>> {
  const earlierIds: number[] = [];
  for (let reads = 1; ; reads += 1) {
    const outcome = await readList(table, resource, query, fetch, onProgress);
    if (!outcome.ok) return outcome;
    const { rows, count, ids, change } = outcome.value;
    if (change === undefined) {
      const current = new Set(ids);
      const disappeared = earlierIds.filter((id) => !current.has(id)).map((id) => ({ id, _deleted: true }));
      const removed = table.add(resource, JSON.stringify(disappeared));
      if (!removed.ok) return removed;
      return done({ rows, next: null, ...(count === undefined ? {} : { count }) });
    }
    if (reads === MAX_READS)
      return failed("unexpected", `The list changes while it is read: ${change} (${reads} attempts).`, { status: 200 });
    earlierIds.push(...ids);
  }
}

async function readList(
  table: Table,
  resource: ResourceName,
  query: string,
  fetch: Fetch,
  onProgress: ((progress: Progress) => void) | undefined,
): Promise<Outcome<Read>> {
  let pagesById = !/(^|&)(ordering|offset|page|filters|id__gt)=/.test(query);
  const first = pagesById ? `${query}${query && "&"}ordering=id` : query;
  const requested = new Set([first]);
  const read: Read = { rows: 0, count: undefined, ids: [] };
  let pages = 0;
  const changed = (change: string) => done({ ...read, change });
  const lastId = () => read.ids.at(-1);
  /** Adds a page to the table, and returns the link to the next one. The first `repeated` rows are known. */
  const add = (page: LoadedPage, repeated = 0): Outcome<string | null> => {
    // The table stores a page as a whole or not at all.
    const added = table.add(resource, page.text);
    if (!added.ok) return added;
    for (const id of page.ids.slice(repeated)) {
      pagesById &&= id > (lastId() ?? -Infinity);
      read.ids.push(id);
    }
    pagesById &&= page.ids.length === added.value.rows;
    read.rows += added.value.rows - repeated;
    pages += 1;
    try {
      onProgress?.({ resource, rows: read.rows, count: read.count ?? null, pages });
    } catch (error) {
      return callbackFailure(error);
    }
    return done(page.next);
  };
  /** Adds the page after the last id. Returns `undefined` if the server ignores the filter or the order. */
  const addPageById = async (): Promise<Outcome<string | null> | undefined> => {
    const last = lastId() ?? -Infinity;
    const page = await fetch(`${first}&id__gt=${last}`);
    if (!page.ok) return page.error.kind === "request" ? undefined : page;
    if (page.value.count === undefined || page.value.ids.some((id) => id <= last)) return undefined;
    read.count = read.rows + page.value.count;
    return add(page.value);
  };

  const firstPage = await fetch(first);
  if (!firstPage.ok) return firstPage;
  read.count = firstPage.value.count;
  let next = add(firstPage.value);
  for (;;) {
    if (!next.ok) return next;
    if (next.value !== null) {
      const target = bindings().linkTarget(next.value);
      const pageQuery = target?.startsWith(`${listPath(resource)}?`)
        ? target.slice(listPath(resource).length + 1)
        : null;
      if (pageQuery === null)
        return failed("unexpected", `"next" is not a page of the list: ${next.value}`, { status: 200 });
      const pageById = pagesById ? await addPageById() : undefined;
      if (pageById) {
        next = pageById;
        continue;
      }
      pagesById = false;
      if (requested.has(pageQuery)) return failed("unexpected", "The pages of the list repeat.", { status: 200 });
      requested.add(pageQuery);
      const overlapping = lastId() === undefined ? pageQuery : overlappingPage(pageQuery);
      const page = await fetch(overlapping);
      if (!page.ok) return page;
      if (page.value.count !== read.count)
        return changed(`the count changed from ${read.count} to ${page.value.count}`);
      const repeated = overlapping === pageQuery ? 0 : 1;
      if (repeated === 1 && page.value.ids[0] !== lastId()) return changed("the rows moved between two pages");
      next = add(page.value, repeated);
      continue;
    }
    // The count of a page after an id does not show that rows before it disappeared.
    if (!pagesById || pages === 1) break;
    const whole = await fetch(countQuery(first));
    if (!whole.ok) return whole;
    const { rows } = read;
    read.count = whole.value.count;
    if (read.count === undefined || read.count <= rows) break;
    const more = await addPageById();
    if (more === undefined || (more.ok && read.rows === rows))
      return changed(`received ${rows} rows instead of ${whole.value.count}`);
    next = more;
  }
  const distinct = read.ids.length === read.rows ? new Set(read.ids).size : read.rows;
  if (read.count !== undefined && distinct !== read.count)
    return changed(`received ${distinct} rows instead of ${read.count}`);
  return done(read);
}

/** Returns the query of a page with one row, whose count is that of the list. */
const countQuery = (query: string): string =>
  [...query.split("&").filter((parameter) => !parameter.startsWith("limit=")), "limit=1"].join("&");

/** Returns the query of the page that begins one row earlier, if pages have an offset. */
const overlappingPage = (query: string): string =>
  query.replace(/(^|&)offset=([1-9]\d*)(?=&|$)/g, (_, start, offset) => `${start}offset=${Number(offset) - 1}`);
