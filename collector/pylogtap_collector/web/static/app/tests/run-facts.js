import { bare } from "../ansi.js";
import { el, icon } from "../dom.js";
import { zone } from "../preferences.js";
import { block, number } from "../text.js";
import { fullTime } from "../times.js";
import { branchName, revision, toTheSecond } from "./words.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("../dom.js").Child} Child */

/** What is known of a run, beside what became of it: what people look for first, and the rest on demand. */
export class RunFacts {
  constructor() {
    this.whole = false;
    this.node = el("section.run-facts", { "aria-label": "The run" });
  }

  /** @param {Run} run @param {Run | null} baseline the run it is compared with */
  show(run, baseline) {
    const toggle = () => {
      this.whole = !this.whole;
      this.show(run, baseline);
      /** @type {HTMLElement | null} */ (this.node.querySelector(".more"))?.focus();
    };
    this.node.replaceChildren(
      facts(this.whole ? [...first(run, baseline), ...rest(run)] : first(run, baseline)),
      el(
        "button.more",
        { type: "button", "aria-expanded": this.whole, onclick: toggle },
        icon(this.whole ? "up" : "down"),
        this.whole ? "Fewer facts" : "All facts",
      ),
    );
  }
}

/** @param {Run} run @param {Run | null} baseline @returns {[string, Child][]} */
function first(run, baseline) {
  const others = Object.entries(run.ci).filter(([name]) => name !== "url");
  const ran = [run.runner, run.runner_version].filter(Boolean).join(" ");
  return [
    ["command", run.command && block(run.command, "code.command")],
    ["CI", (others.length || run.ci.url) && el("span", null, ciLink(run.ci), ciWords(others))],
    ["compared with", baseline && runLink(baseline)],
    ["runs on", bare([ran, run.python, run.platform].filter(Boolean).join(" · "))],
    [
      "labels",
      Object.entries(run.labels)
        .map(([name, value]) => (value ? `${name}: ${value}` : name))
        .join(", "),
    ],
    ["note", run.note && block(run.note, "span")],
    ["not told", run.dropped ? `${number(run.dropped)} messages were lost` : ""],
  ];
}

/** @param {Run} run @returns {[string, Child][]} */
function rest(run) {
  const plugins = Object.entries(run.plugins).map(([name, version]) => `${name} ${version}`);
  return [
    ["commit", run.commit && el("span", null, bare(run.commit), committed(run))],
    ["branch", run.branch && bare(run.branch)],
    ["changes", run.dirty && "the working tree had changes that are not committed"],
    ["began", fullTime(run.started, zone())],
    ["ended", run.ended && fullTime(run.ended, zone())],
    ["exit status", run.exit_status === null ? "" : String(run.exit_status)],
    ["host", run.host && bare(run.host)],
    ["instance", run.instance],
    ["workers", run.workers === null ? "" : number(run.workers)],
    ["seed", run.seed && bare(run.seed)],
    ["suite", run.whole === null ? "" : run.whole ? "the whole suite" : "a part of the suite"],
    ["deselected", run.deselected ? number(run.deselected) : ""],
    ["warnings", run.warnings ? number(run.warnings) : ""],
    ["plugins", plugins.length ? bare(plugins.join(", ")) : ""],
    ["told by", run.source],
    ["id", el("code", null, run.id)],
  ];
}

/**
 * Names and values; those without a value are left out.
 * @param {[string, Child][]} pairs
 */
export const facts = (pairs) =>
  el(
    "dl.facts",
    null,
    pairs
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [
        el("dt", null, bare(name)),
        el("dd", null, el("span.fact-value", null, value)),
      ]),
  );

/** @param {Run} run */
const committed = (run) =>
  run.committed && el("span.soft", null, ` committed ${fullTime(run.committed, zone())}`);

/** @param {Run} run */
const runLink = (run) =>
  el(
    "span.other-run",
    null,
    el("a", { href: `/tests?run=${run.id}` }, "the run of ", toTheSecond(run.started)),
    revision(run.commit, run.dirty),
    branchName(run),
  );

/** @param {[string, string][]} rest */
const ciWords = (rest) =>
  el("span.soft", null, " ", bare(rest.map(([name, value]) => `${name} ${value}`).join(", ")));

/** A link to the CI service, unless what it says is no address of the web. @param {Record<string, string>} ci */
function ciLink({ url }) {
  if (!url) return null;
  const sound = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!sound) return el("span", null, bare(url));
  return el("a.ci", { href: url, rel: "noopener noreferrer", target: "_blank" }, bare(url));
}
