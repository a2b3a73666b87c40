// The public API, and nothing else, is where the page gets its data from.

const BASE = "/api/v1";
const KEY = "pylogtap.key";

/** The collector refused a request; its words say what to do. */
export class Refused extends Error {
  /** @param {number} status @param {Record<string, any>} problem */
  constructor(status, problem) {
    super(problem.detail || problem.title || `The collector answered with status ${status}.`);
    this.status = status;
    this.code = String(problem.code ?? "");
    /** What is wrong with which part of the request, where that is known. @type {{name: string, message: string}[]} */
    this.mistakes = Array.isArray(problem.errors) ? problem.errors : [];
    /** Seconds to wait before another attempt; 0: it may be made at once. */
    this.wait_s = 0;
    /** 1-based column of a mistake in the query, where there is one. */
    this.column = Number(problem.column) || null;
  }
}

/** No answer came. */
export class Unreachable extends Error {}

/**
 * Read JSON; whole numbers that a double cannot hold stay as their digits.
 * @param {string} text
 */
export function parseJson(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  // The third argument is young; the types of some editors do not know it yet.
  const revive = (
    /** @type {string} */ _key,
    /** @type {unknown} */ value,
    /** @type {{source?: string}} */ context,
  ) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? context.source
      : value;
  return JSON.parse(text, /** @type {any} */ (revive));
}

/**
 * An address of the API.
 * @param {string} path
 * @param {Record<string, unknown>} [params] those without a value are left out
 */
export function address(path, params = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

/** The key that people gave, for this tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

const UNKNOWN = ["no_key", "wrong_key"]; // codes that say: nobody is signed in here, or not any more
let onUnknown = () => {};

/**
 * Say what happens when the collector does not know who asks, whichever request it was.
 * @param {() => void} act
 */
export function whenUnknown(act) {
  onUnknown = act;
}

/** Whether an error says that nobody is signed in here. @param {unknown} error */
export const isUnknown = (error) => error instanceof Refused && UNKNOWN.includes(error.code);

/** What the collector's clock says: relative times are about it, whatever the clock of this machine says. */
export const clock = {
  ahead_ms: 0,
  now: () => Date.now() + clock.ahead_ms,
  /** @param {string | null} date of an answer; it knows whole seconds */
  set(date) {
    const ahead = Date.parse(date ?? "") + 500 - Date.now();
    clock.ahead_ms = Math.abs(ahead) > 2_000 ? ahead : 0;
  },
};

/**
 * Send a request.
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} with a good status
 */
export async function send(url, init = {}) {
  const headers = new Headers(init.headers);
  const secret = key.get();
  if (secret) headers.set("Authorization", `Bearer ${secret}`);
  let answer;
  try {
    answer = await fetch(url, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable("The collector does not answer.");
  }
  clock.set(answer.headers.get("Date"));
  if (answer.ok) return answer;
  const refused = new Refused(answer.status, await answer.json().catch(() => ({})));
  refused.wait_s = Number(answer.headers.get("Retry-After")) || 0;
  if (isUnknown(refused)) onUnknown();
  throw refused;
}

/**
 * Read something.
 * @param {string} path
 * @param {Record<string, unknown>} [params]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, params, signal) {
  const answer = await send(address(path, params), { signal, headers: { Accept: "application/json" } });
  try {
    return parseJson(await answer.text());
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable("The collector stopped in the middle of an answer.");
  }
}

/**
 * Read all of a list, page by page.
 * @param {string} path
 * @param {Record<string, unknown>} [params]
 * @returns {Promise<any[]>}
 */
export async function getAll(path, params) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...params, limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}

/**
 * Create something, or have something done.
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<any>} null where the answer is empty
 */
export async function post(path, body) {
  const answer = await send(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return text ? parseJson(text) : null;
}

/**
 * Delete something, or end it.
 * @param {string} path
 * @param {string} [version] that was read; left out: whichever it is by now
 * @returns {Promise<any>} null where the answer is empty
 */
export async function remove(path, version) {
  const headers = { Accept: "application/json", ...(version && { "If-Match": version }) };
  const answer = await send(address(path), { method: "DELETE", headers });
  const text = await answer.text();
  return text ? parseJson(text) : null;
}

/**
 * Read something that is about to be changed.
 * @param {string} path
 * @returns {Promise<{item: any, version: string}>} its version is what a change has to name
 */
export async function getVersioned(path) {
  const answer = await send(address(path), { headers: { Accept: "application/json" } });
  return { version: answer.headers.get("ETag") ?? "*", item: parseJson(await answer.text()) };
}

/**
 * Change something by a merge patch (RFC 7396).
 * @param {string} path
 * @param {unknown} patch
 * @param {string} version that was read; refused with status 412 where it is another one by now
 * @returns {Promise<any>}
 */
export async function change(path, patch, version) {
  const answer = await send(address(path), {
    method: "PATCH",
    headers: {
      "Content-Type": "application/merge-patch+json",
      "If-Match": version,
      Accept: "application/json",
    },
    body: JSON.stringify(patch),
  });
  return parseJson(await answer.text());
}

/** Lets only the newest of several requests answer: each call ends the one before. */
export class Newest {
  #controller = new AbortController();

  /** @returns {AbortSignal} */
  next() {
    this.stop();
    this.#controller = new AbortController();
    return this.#controller.signal;
  }

  stop() {
    this.#controller.abort();
  }
}
