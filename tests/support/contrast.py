"""Contrast of what a page shows: WCAG 2.2, 1.4.3 for text (4.5 : 1) and 1.4.11 for what is drawn (3 : 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playwright.sync_api import Page

_SCRIPT = """([selectors, drawn]) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color, under) => {
    canvas.fillStyle = under ?? "white"; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (parts) => {
    const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = parts.map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement)
      layers.unshift(getComputedStyle(each).backgroundColor);
    return layers.reduce((under, layer) => `rgb(${rgb(layer, under).join()})`, "white");
  };
  const found = {};
  for (const selector of selectors) {
    for (const element of document.querySelectorAll(selector)) {
      if (!element.checkVisibility()) continue;
      const under = ground(element), style = getComputedStyle(element);
      const own = drawn[selector] ? style.getPropertyValue(drawn[selector]) : style.color;
      const [a, b] = [luminance(rgb(own, under)), luminance(rgb(under))];
      found[selector] = Math.min(found[selector] ?? 99, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
  }
  return found;
}"""


def contrasts(
    page: Page, selectors: Sequence[str], drawn: Mapping[str, str] | None = None
) -> dict[str, float]:
    """
    Return the least contrast of what each selector finds and shows, where it finds something.

    Args:
        page: The page.
        selectors: Of CSS.
        drawn: Those whose colour is that of a property, by selector.
    """
    ratios: dict[str, float] = page.evaluate(_SCRIPT, [list(selectors), dict(drawn or {})])
    return ratios
