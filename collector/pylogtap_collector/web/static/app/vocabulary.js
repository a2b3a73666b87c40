import { get } from "./api.js";

const VALUES = 50;
const LOOKED_AT = 500; // records whose fields are offered
const FIELDS = [
  "level",
  "project",
  "service",
  "instance",
  "logger",
  "message",
  "exception",
  "trace",
  "test",
  "pattern",
  "template",
  "file",
  "function",
  "thread",
  "pid",
  "note",
  "id",
  "has",
];

/** What a query may be made of: fields, those of the records in the list among them, and their values. */
export class Vocabulary {
  /** @param {import("./record-list.js").RecordList} list @param {() => Record<string, string>} range */
  constructor(list, range) {
    this.list = list;
    this.range = range;
  }

  /** The usual ones first. @returns {string[]} */
  fields() {
    const logs = this.list.entries.slice(-LOOKED_AT).map(({ log }) => log);
    const labels = logs.flatMap((log) => Object.keys(log.labels).map((name) => `label.${name}`));
    return [...new Set([...FIELDS, ...labels, ...logs.flatMap((log) => Object.keys(log.attributes))])];
  }

  /**
   * The values of a field, the frequent ones first.
   * @param {string} field
   * @returns {Promise<import("./types.js").FacetValue[]>}
   */
  async values(field) {
    const answer = await get("/logs/facets", { ...this.range(), fields: [field], limit: VALUES });
    return answer.items[0]?.values ?? [];
  }
}
