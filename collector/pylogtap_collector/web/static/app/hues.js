// A colour for each service: the same one on every load, unless two would look alike.

const HUES = 10;
const STEP = 3; // shares no factor with their number, so that every hue is tried
/** @type {Map<string, number>} */
const given = new Map();
const used = new Set();

/**
 * The hue of a name, 0 to 9.
 * @param {string} name
 */
export function hue(name) {
  const known = given.get(name);
  if (known !== undefined) return known;
  let found = hashed(name);
  for (let tried = 0; tried < HUES && used.has(found); tried += 1) found = (found + STEP) % HUES;
  given.set(name, found);
  used.add(found);
  return found;
}

/** @param {string} name */
function hashed(name) {
  let hash = 7;
  for (let at = 0; at < name.length; at += 1) hash = (hash * 31 + name.charCodeAt(at)) % 1_000_003;
  return hash % HUES;
}
