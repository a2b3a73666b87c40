// The shapes of the API that several modules use; for editors and readers, nothing runs here.

/**
 * @typedef {object} LogRecord  one stored record, as `GET /api/v1/logs/{id}` answers it
 * @property {number} id
 * @property {string} time  RFC 3339
 * @property {string} received  RFC 3339
 * @property {string} level  lower case, as the source wrote it
 * @property {number} severity_number  1 to 24; 0 is unknown
 * @property {string} project
 * @property {string} service
 * @property {string} instance
 * @property {string} logger
 * @property {string} message
 * @property {string | null} template
 * @property {number} pattern_id
 * @property {Record<string, unknown>} attributes
 * @property {{type: string, message: string, stacktrace: string, arguments: Record<string, string> | null} | null} exception
 * @property {string | null} trace_id
 * @property {string | null} span_id
 * @property {{file: string | null, line: number | null, function: string | null}} source
 * @property {{pid: number | null, thread: string | null}} process
 * @property {string | null} test_id
 * @property {Record<string, string>} labels
 * @property {string | null} note
 */

/** @typedef {{start: string, total: number, levels: Record<string, number>}} Bucket */
/** @typedef {{since: string, until: string, step_s: number, total: number, buckets: Bucket[]}} Histogram */
/** @typedef {{value: string, count: number}} FacetValue */
/** @typedef {{field: string, values: FacetValue[]}} Facet */
/** @typedef {{id: number, template: string, count: number, first: string, last: string, levels: Record<string, number>}} Pattern */

export {};
