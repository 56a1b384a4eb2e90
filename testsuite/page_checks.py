"""What is true of any page, whatever it shows: sound for axe-core, nothing cut or scrolled sideways, large targets."""

from __future__ import annotations

import json

from playwright.sync_api import Page

from testsuite.servers import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Return what axe-core has to say, once nothing moves any more."""
    page.evaluate("Promise.allSettled(document.getAnimations().map(({ finished }) => finished))")
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({ resultTypes: ['violations'], selectors: false }).then(({ violations }) => violations)"
    )
    return [
        f"{one['id']}: {node['html'][:150]} {json.dumps(node['any'][0]['data'] if node['any'] else '')[:200]}"
        for one in found
        for node in one["nodes"]
    ]


# A browser that runs no scripts draws what is in these elements.
SHOW_NOSCRIPT = """() => {
  for (const one of document.querySelectorAll('noscript')) one.outerHTML = `<div>${one.textContent}</div>`;
}"""

# Links within text are as high as its lines (WCAG 2.2, 2.5.8); what only a keyboard finds is no target.
SMALL = """() => [...document.querySelectorAll('a, button, summary, label:has(input), input, textarea')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !one.closest('.body, .alert, .visually-hidden, .skip, .more, .follows .author'))
  .filter((one) => !one.matches('label *, [type=hidden]'))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, { width, height }]) => width < 43.9 || height < 43.9)
  .map(([one, { width, height }]) => `${one.outerHTML.slice(0, 120)} ${width} x ${height}`)"""

# Texts of which a part cannot be seen. Names may be cut where they only tell whose the rest is.
CUT = """() => [...document.querySelectorAll('main *')]
  .filter((one) => one.checkVisibility() && one.textContent.trim() && !one.closest('.visually-hidden, .skip, textarea'))
  .filter((one) => !one.matches('.author, #writing, #writing bdi, .room h1, .room h1 a, .quote *, .deleted .heading'))
  .filter((one) => /hidden|clip/.test(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.localName}.${one.className} ${one.textContent} ${one.scrollWidth} > ${one.clientWidth}`)"""

# What can be scrolled sideways, but for code, which is what it is; and what ends outside the window without being cut.
SIDEWAYS = """() => [...document.querySelectorAll('*')]
  .filter((one) => one.checkVisibility() && !one.closest('pre, .visually-hidden, .skip, textarea, input'))
  .filter((one) => {
    const overflow = (it) => getComputedStyle(it).overflowX;
    const up = (it) => it.parentElement ?? document.body;
    const isCut = (it) => it !== document.body && (overflow(it) === 'hidden' || isCut(up(it)));
    const scrolls = one === document.documentElement || /auto|scroll/.test(overflow(one));
    const { width, right } = one.getBoundingClientRect();
    const isOutside = width > 0 && right > innerWidth + 0.5;
    return (scrolls && one.scrollWidth > one.clientWidth) || (isOutside && !isCut(up(one)));
  }).map((one) => `${one.localName}.${one.className}#${one.id} ${one.scrollWidth} > ${one.clientWidth}`)"""
