import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { announce, toast } from "./notices.js";
import { Popup } from "./popup.js";
import { lineOf } from "./row.js";
import { counted, valueText } from "./text.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

const PAGE = 1000;
const MOST = 100_000; // what a tab can hold without trouble
const COLUMNS = [
  "time",
  "level",
  "project",
  "service",
  "instance",
  "logger",
  "message",
  "attributes",
  "trace_id",
  "id",
];

/** @type {[string, string, string, (logs: LogRecord[]) => string][]} */
const FORMATS = [
  ["Text", "log", "text/plain", (logs) => logs.map(lineOf).join("\n")],
  [
    "JSON lines",
    "jsonl",
    "application/x-ndjson",
    (logs) => logs.map((log) => JSON.stringify(log)).join("\n"),
  ],
  ["CSV", "csv", "text/csv", (logs) => [COLUMNS.join(","), ...logs.map(csvLine)].join("\r\n")],
];

/**
 * Make the menu that saves all records that match.
 * @param {() => Record<string, unknown>} selection
 */
export function setUpDownload(selection) {
  const menu = byId("download-menu");
  const popup = new Popup(byId("download"), menu, () =>
    menu.replaceChildren(
      ...FORMATS.map(([name, suffix, type, write]) =>
        el(
          "button.menu-item",
          { type: "button", role: "menuitem", onclick: () => save(suffix, type, write) },
          name,
          el("span.soft", null, `.${suffix}`),
        ),
      ),
    ),
  );
  const save = async (
    /** @type {string} */ suffix,
    /** @type {string} */ type,
    /** @type {(logs: LogRecord[]) => string} */ write,
  ) => {
    popup.close();
    try {
      const { logs, complete } = await all(selection());
      offer(new Blob([write(logs), "\n"], { type: `${type};charset=utf-8` }), `pylogtap.${suffix}`);
      toast(
        complete
          ? `${counted(logs.length, "record")} saved`
          : `The oldest ${counted(logs.length, "record")} saved; for more: pylogtap export`,
      );
    } catch (error) {
      toast(`Not saved: ${/** @type {Error} */ (error).message}`);
    }
  };
}

/** @param {Record<string, unknown>} selection */
async function all(selection) {
  /** @type {LogRecord[]} */
  const logs = [];
  let cursor;
  do {
    const page = await get("/logs", { ...selection, order: "asc", limit: PAGE, cursor });
    logs.push(...page.items);
    cursor = page.next;
    announce(`${counted(logs.length, "record")} fetched`);
  } while (cursor && logs.length < MOST);
  return { logs, complete: !cursor };
}

/** @param {Blob} blob @param {string} name */
function offer(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {LogRecord} log */
function csvLine(log) {
  return COLUMNS.map((column) => csvCell(valueText(/** @type {any} */ (log)[column] ?? ""))).join(",");
}

/**
 * A cell of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front: log lines are
 * written by strangers.
 * @param {string} text
 */
export function csvCell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
