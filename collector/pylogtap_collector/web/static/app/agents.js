// Programs in plain words, from how they call themselves. The first that fits counts: most claim to be others.

/** @type {[RegExp, string][]} */
const PROGRAMS = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\bChromium\//, "Chromium"],
  [/(?:\b|Headless)(?:Chrome|CriOS)\//, "Chrome"],
  [/\bVersion\/[\d.]+.* Safari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^Python\b/i, "Python"],
];

/** @type {[RegExp, string][]} */
const SYSTEMS = [
  [/\bWindows\b/, "Windows"],
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

const LONGEST = 80;

/**
 * @param {string} agent
 * @returns {string} such as `Firefox on Linux`; what is not known stays as it is
 */
export function programOf(agent) {
  const find = (/** @type {[RegExp, string][]} */ table) => table.find(([sign]) => sign.test(agent))?.[1];
  const program = find(PROGRAMS);
  const system = find(SYSTEMS);
  if (program) return system ? `${program} on ${system}` : program;
  if (!agent) return "A program that does not say its name";
  return agent.length > LONGEST ? `${agent.slice(0, LONGEST)}…` : agent;
}
