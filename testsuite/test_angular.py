"""AngularJS is given no chance to do harm: docs/security.rst 35, as far as reading the code can tell."""

from __future__ import annotations

import json
import re
import unittest

from testsuite.documents import Document
from testsuite.servers import ROOT

TASKS = ROOT / "views" / "statics" / "tasks"
KNOWN = re.compile(r"CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}")
HOLES = {
    *("CVE-2022-25844", "CVE-2022-25869", "CVE-2023-26116", "CVE-2023-26117", "CVE-2023-26118"),
    *("CVE-2024-8372", "CVE-2024-8373", "CVE-2024-21490", "CVE-2025-0716", "CVE-2025-2336", "CVE-2025-4690"),
    "GHSA-7x27-g8rg-x87w",
}
ELEMENTS = {
    *(
        "a",
        "bdi",
        "button",
        "dd",
        "dl",
        "div",
        "dt",
        "footer",
        "form",
        "input",
        "label",
        "li",
        "nav",
        "p",
        "span",
        "ul",
    ),
    *("task-edit", "task-filter", "task-form", "task-item", "task-list", "task-person"),
}
DIRECTIVES = {
    *("attr-aria-current", "attr-aria-describedby", "attr-aria-invalid", "bind", "change", "checked", "class", "click"),
    *("dblclick", "disabled", "href", "if", "model", "repeat", "submit", "trim"),
}
IN_TEMPLATES = {
    "an address that may be another one": r"\b(?:src|srcset|action|formaction|xlink:href|style|srcdoc)\s*=",
    "an address that is not checked": r"(?<!ng-)\bhref\s*=",
    "a type of field that takes long": r'type="(?!checkbox|date|button")',
    "HTML that is bound": r"bind-html|ng-include|ng-bind-template|ng-init|ng-src|ng-style",
}
IN_SCRIPTS = {
    "HTML": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|ng-?bind-?html",
    "code from a text": r"\beval\b|new Function|\$eval|\$parse|\$interpolate|\$compile\b(?!Provider)",
    "a trust that is given away": r"trustAs|\$sceProvider|\$sceDelegateProvider|trustedResourceUrlList",
    "what copies a pattern": r"angular\.(?:copy|merge)|\$watch(?:Collection|Group)?\(|\bjqLite\b|angular\.element",
    "another module": r"ngSanitize|ngResource|ngAnimate|ngRoute|ngCookies",
    "a template that stands in a script": r"\btemplate: ?[`'\"]",
    "a binding in two directions": r"""['"]=[?&*]?['"]""",
}


class Templates(unittest.TestCase):
    def test_there_is_nothing_in_them_but_what_they_need(self) -> None:
        texts = {path.name: path.read_text(encoding="utf-8") for path in TASKS.glob("*.html")}
        self.assertGreater(len(texts), 5)
        for name, text in texts.items():
            with self.subTest(name):
                self.assertEqual(set(re.findall(r"</?([^\s/>]+)", text)) - ELEMENTS, set())
                self.assertEqual(set(re.findall(r"\sng-([\w-]+)", text)) - DIRECTIVES, set())
                for what, pattern in IN_TEMPLATES.items():
                    self.assertEqual(re.findall(pattern, text), [], what)

    def test_every_list_has_keys(self) -> None:
        for path in TASKS.glob("*.html"):
            for expression in re.findall(r'ng-repeat="([^"]+)"', path.read_text(encoding="utf-8")):
                self.assertIn(" track by ", expression, path.name)

    def test_the_servers_template_gives_it_an_empty_element_without_a_text_of_anybody(self) -> None:
        page = (ROOT / "views" / "templates" / "tasks.html").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"<task-panel\b[^<]*<?[^>]*>", page), ["<task-panel ng-csp></task-panel>"])
        for path in (ROOT / "views" / "templates").rglob("*.html"):
            text = path.read_text(encoding="utf-8").replace("<task-panel ng-csp>", "")
            self.assertNotRegex(text, r"\bng-|ng-app|data-ng", path.name)


class Scripts(unittest.TestCase):
    def test_they_use_none_of_what_can_do_harm(self) -> None:
        texts = {path.name: path.read_text(encoding="utf-8") for path in TASKS.glob("*.js")}
        self.assertGreater(len(texts), 10)
        for name, text in texts.items():
            for what, pattern in IN_SCRIPTS.items():
                with self.subTest(name, what=what):
                    self.assertEqual(re.findall(pattern, text), [])

    def test_what_is_not_needed_is_switched_off(self) -> None:
        module = (TASKS / "module.js").read_text(encoding="utf-8")
        for line in ("debugInfoEnabled(false)", "commentDirectivesEnabled(false)", "cssClassDirectivesEnabled(false)"):
            self.assertIn(line, module)
        self.assertIn("angular.module('prosa.tasks', [])", module)  # without another module
        self.assertIn("{ strictDi: true }", (TASKS / "main.js").read_text(encoding="utf-8"))


class Holes(unittest.TestCase):
    def test_each_known_one_is_listed_with_the_reason_why_it_cannot_be_reached(self) -> None:
        rows = Document("docs/security.rst").table("Known as")
        self.assertEqual({one for row in rows for one in KNOWN.findall(row[0])}, HOLES)
        self.assertTrue(all(len(row[2]) > 10 for row in rows))

    def test_only_the_core_is_installed_in_the_version_that_the_list_is_about(self) -> None:
        package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
        angular = {name: version for name, version in package["dependencies"].items() if name.startswith("angular")}
        self.assertEqual(angular, {"angular": "1.8.3"})
        locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        installed = {name for name, it in locked.items() if "angular" in name and not it.get("dev")}
        self.assertEqual(installed, {"node_modules/angular"})
