import { getAll } from "./api.js";

/** @typedef {import("./session.js").Me} Me */

// What somebody manages: there he gives access to programs and people.

const MANAGE = "manage";

/**
 * Whether somebody manages any project.
 * @param {Me} me
 */
export const managesAny = (me) =>
  [me.everywhere, ...Object.values(me.projects)].some((rights) => rights.includes(MANAGE));

/**
 * Whether somebody manages all projects, those to come as well.
 * @param {Me} me
 */
export const managesAll = (me) => me.everywhere.includes(MANAGE);

/**
 * The names of the projects that somebody manages.
 * @param {Me} me
 * @returns {Promise<string[]>}
 */
export async function managedProjects(me) {
  if (managesAll(me)) return (await getAll("/projects")).map(({ name }) => name);
  return Object.entries(me.projects)
    .filter(([, rights]) => rights.includes(MANAGE))
    .map(([name]) => name);
}
