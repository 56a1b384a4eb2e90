"""A real browser and hostile texts: it runs no script but the site's own, and requests nothing from elsewhere."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import quote

from playwright.sync_api import Page, expect

from testsuite.browser import BrowserTest, expect_live, expect_message, invite, write
from testsuite.cases import add_user
from testsuite.upstream import Upstream, gives
from testsuite.waiting import wait_for

IMAGE = '<img src=x onerror="hacked=1">'
# Each would set `hacked`, wherever in a page it stands.
HOSTILE = (
    "<script>hacked=1</script>",
    IMAGE,
    "<svg onload=hacked=1>",
    "</title></textarea></script><script>hacked=1</script>",
    "'\"><img src=x onerror=hacked=1>",
    "--><script>hacked=1</script>",
    "]]><script>hacked=1</script>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<details open ontoggle=hacked=1>",
    "${hacked=1}{{hacked=1}}",
)
LINKS = (
    "javascript:hacked=1",
    "JaVaScRiPt:hacked=1",
    "\x01javascript:hacked=1",
    "data:text/html,<script>opener.hacked=1</script>",
)
TOGETHER = ("".join(HOSTILE), "".join(reversed(HOSTILE)))  # one of them gets out of wherever they stand
NAMES = (IMAGE, "'\"><svg onload=hacked=1>")


class Scripts(BrowserTest):
    """docs/security.rst 12: scripts in messages, names, `next` and addresses are shown as text.

    The browser has its Content-Security-Policy switched off, so that nothing but the escaping stands between.
    """

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name in NAMES:
            added = add_user(cls.folder, name, "--admin")
            if added.returncode:
                raise AssertionError(added.stderr)

    def check(self, page: Page) -> None:
        """Check that no script has run; a broken image's would by now, for an error of ours would come after it."""
        page.evaluate(
            "() => new Promise((done) => { const one = new Image(); one.onerror = done; one.src = 'data:,'; })"
        )
        self.assertEqual(page.evaluate("typeof hacked"), "undefined", page.url)

    def test_such_a_browser_would_run_them(self) -> None:
        self.tolerate("status of 404")
        for hostile in TOGETHER:
            page = self.page(bypass_csp=True)
            page.goto("/login")
            page.evaluate("(html) => { document.body.innerHTML = html; }", hostile)
            page.wait_for_function("typeof hacked === 'number'")

    def test_in_messages_and_names(self) -> None:
        ana = self.member("ana", bypass_csp=True)
        hostile = [self.chat(name) for name in NAMES]
        hostile[0].send("typing", room="lobby")
        expect(ana.locator("#writing")).to_contain_text(IMAGE)
        for number, body in enumerate((*HOSTILE, *(f"[x]({link}) <{link}> {link}" for link in LINKS))):
            author = hostile[number % len(hostile)]
            author.until("ack", nonce=author.post(body))
            author.until("ack", nonce=author.post(f"`{body}`\n\n> {body}\n\n- {body}\n\n```{body}\n{body}\n```"))
        write(ana, f"{IMAGE} is what I write")
        expect_message(ana, f"{IMAGE} is what I write")
        self.check_room(ana)
        for path in ("/rooms/lobby", "/rooms/lobby?before=9", "/members", "/"):
            ana.goto(path)
            self.check(ana)
        ana.goto("/rooms/lobby")
        expect_live(ana)
        self.check_room(ana)

    def check_room(self, page: Page) -> None:
        """Check that the conversation has no element of the hostile authors' making, and click on all its links."""
        expect(page.locator("#rows .author", has_text=IMAGE).first).to_be_visible()
        self.assertEqual(page.locator("#rows :is(img, script, svg, iframe, style, object, embed)").count(), 0)
        schemes = "all => all.map((link) => new URL(link.href).protocol)"
        self.assertLessEqual(set(page.locator("#rows a").evaluate_all(schemes)), {"http:", "https:"})
        self.check(page)

    def test_in_addresses(self) -> None:
        page = self.page(bypass_csp=True)
        self.tolerate("status of 40")
        for hostile in (*TOGETHER, *LINKS):
            text = quote(hostile, safe="")
            for path in (f"/login?next=/{text}", f"/login?next={text}", f"/{text}", f"/setup?token={text}"):
                page.goto(path)
                self.check(page)

    def test_in_addresses_that_only_members_open(self) -> None:
        page = self.member(NAMES[1], bypass_csp=True)
        self.tolerate("status of [45]0")
        for hostile in TOGETHER:
            text = quote(hostile, safe="")
            for path in (f"/rooms/{text}", f"/rooms/lobby?before={text}", f"/chat/000/abcdefgh/jsonp?c={text}"):
                page.goto(path)
                self.check(page)

    def test_in_a_form_that_comes_back(self) -> None:
        page = self.page(bypass_csp=True)
        self.tolerate("status of 403")
        for hostile in (HOSTILE[0], HOSTILE[4], LINKS[0]):
            page.goto("/login")
            page.locator("#username").fill(hostile)
            page.locator("#password").fill("wrong")
            page.locator("form button").click()
            expect(page.get_by_role("alert")).to_be_visible()
            expect(page.locator("#username")).to_have_value(hostile)
            self.check(page)

    def test_in_the_name_of_who_invites(self) -> None:
        host = self.member(NAMES[0], bypass_csp=True)
        invite(host)
        expect(host.locator(".invitation").first).to_contain_text(NAMES[0])
        visitor = self.page(bypass_csp=True)
        visitor.goto(host.locator("input.link").first.input_value())
        expect(visitor.locator(".lead")).to_contain_text(NAMES[0])
        for page in (host, visitor):
            self.check(page)


# What somebody could put into a page, and what a script in it could send elsewhere.
RUNS = {
    "script": "const one = document.createElement('script'); one.text = 'hacked=1'; document.body.append(one)",
    "handler": f"document.body.innerHTML = '{IMAGE}'",
    "text": "setTimeout('hacked=1')",
    "link": "const one = document.createElement('a'); one.href = 'javascript:void(hacked=1)'; one.click()",
}
CALLS = {
    "image": "new Image().src = url",
    "script": "const one = document.createElement('script'); one.src = url; document.body.append(one)",
    "style": "document.head.insertAdjacentHTML('beforeend', `<link rel=stylesheet href=${url}>`)",
    "frame": "document.body.insertAdjacentHTML('beforeend', `<iframe src=${url}></iframe>`)",
    "object": "document.body.insertAdjacentHTML('beforeend', `<object data=${url}></object>`)",
    "video": "document.body.insertAdjacentHTML('beforeend', `<video src=${url} autoplay></video>`)",
    "request": "fetch(url, {mode: 'no-cors'}).catch(() => {})",
    "beacon": "navigator.sendBeacon(url, 'secret')",
    "websocket": "new WebSocket(url.replace('http', 'ws'))",
    "events": "new EventSource(url)",
    "form": """document.body.innerHTML = '<iframe name=there></iframe><form method=post target=there>';
        const [form] = document.forms; form.action = url; form.submit()""",
}
LISTEN = """() => {
  window.refused = [];
  addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
}"""


class Origins(BrowserTest):
    """docs/security.rst 13: a page loads nothing from another origin, and may not."""

    def setUp(self) -> None:
        super().setUp()
        self.other = Upstream()
        self.other.behave = gives(b"", "200 OK", "Access-Control-Allow-Origin: *")
        self.addCleanup(self.other.close)

    def test_this_browser_does_without_all_that_playwright_has_it_do_without(self) -> None:
        started = self.browser.new_browser_cdp_session().send("SystemInfo.getInfo")["commandLine"]
        theirs, ours = (set(features.split(",")) for features in re.findall(r"--disable-features=(\S+)", started))
        self.assertLessEqual(theirs, ours)

    def test_every_page_with_all_that_it_loads_comes_from_the_site(self) -> None:
        asked: list[str] = []
        ana = self.member("ana")
        ana.on("request", lambda request: asked.append(request.url))
        write(ana, f"![x]({self.other.url}) {self.other.url} <img src={self.other.url}>")
        expect(ana.locator("#rows a").first).to_be_visible()
        for path in ("/rooms", "/members", "/logout", "/rooms/lobby", "/rooms/lobby?before=9"):
            ana.goto(path)
            ana.wait_for_load_state("networkidle")
        visitor = self.page()
        visitor.on("request", lambda request: asked.append(request.url))
        self.tolerate("404")
        for path in ("/login", "/nothing"):
            visitor.goto(path)
            visitor.wait_for_load_state("networkidle")
        self.assertGreater(len(asked), 20)
        self.assertEqual([url for url in asked if not url.startswith((f"{self.server.url}/", "data:"))], [])
        self.assertEqual(self.other.asked, [])

    def test_a_script_that_got_in_would_not_run(self) -> None:
        self.tolerate(".")
        free, bound = self.page(bypass_csp=True), self.page()
        for name, code in RUNS.items():
            with self.subTest(name):
                free.goto("/login")
                free.evaluate(f"() => {{ {code} }}")
                free.wait_for_function("typeof hacked === 'number'")
                bound.goto("/login")
                bound.evaluate(LISTEN)
                bound.evaluate(f"() => {{ {code} }}")
                wait_for(partial(bound.evaluate, "refused.length"), f"{name} is refused")
                self.assertEqual(bound.evaluate("typeof hacked"), "undefined")

    def test_nor_could_it_call_another_site(self) -> None:
        self.tolerate(".")
        free, bound = self.page(bypass_csp=True), self.page()
        for page in (free, bound):
            page.goto("/login")
            page.evaluate(LISTEN)
        for name, code in CALLS.items():
            with self.subTest(name):
                free.evaluate(f"(url) => {{ {code} }}", f"{self.other.url}?{name}")
                line = f"?{name} HTTP/1.1"
                wait_for(lambda line=line: any(line in one for one in self.other.asked), f"{name} calls")  # type: ignore[misc]
                bound.evaluate(f"(url) => {{ refused.length = 0; {code} }}", f"{self.other.url}?not-{name}")
                wait_for(partial(bound.evaluate, "refused.length"), f"{name} is refused")
        wait_for(lambda: "form-action" in bound.evaluate("refused"), "a form is refused wherever its answer is shown")
        self.assertEqual([line for line in self.other.asked if "not-" in line], [])
