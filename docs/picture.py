"""Makes docs/room.png: a site with a few members who talk, as a browser shows it. Run by `make picture`."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, ViewportSize, sync_playwright

from testsuite.cases import add_user
from testsuite.clients import PASSWORD, Chat, Client
from testsuite.servers import Server

PICTURE = Path(__file__).parent / "room.png"
SIZE: ViewportSize = {"width": 1280, "height": 860}
READER = "Ana"
MEMBERS = (READER, "Beto", "Carla", "Davi", "Marta")
TALK = (
    ("Carla", "Hello everybody! The hall is ours on **Saturday** from 9 to 6. Who brings the boards?"),
    ("Beto", "I have eight, and two clocks that still work :)"),
    ("Beto", "The other clocks need batteries. I'll buy some on the way."),
    ("Ana", "I'll print the pairings. Do we play five rounds or six?"),
    ("Marta", "Five, so that the children are home for dinner. Last year's plan worked well:"),
    ("Marta", "1. doors open at 9\n2. first round at 9:30\n3. lunch at 12:30, soup for everybody"),
    ("Davi", "My grandmother's caldo verde! I need somebody with a big pot and a car."),
    ("Ana", "I have both. What about `30+10` for the time?"),
    ("Carla", "Perfect. The rules are at https://chess.example.org/saturday, please have a look before Friday."),
)


ANSWERS = {6: 5, 7: 6}  # by their places in the talk: what answers what
LIKED, LIKE = 6, "👍"
LIKING = ("Beto", "Carla", "Marta")
ROOMS = {"Openings": "Who plays the Sicilian?", "Trip to Porto": "The bus leaves at 7, @Ana has the tickets."}


def browser(playwright: Playwright) -> Browser:
    """Return the system's Chromium, kept from looking for anything outside."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing: apt-get install chromium")
    options = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    return playwright.chromium.launch(executable_path=program, args=[*options, "--disable-sync"])


def make_rooms(clients: dict[str, Client]) -> None:
    """Make more rooms, let the reader into each, and say something there."""
    host = clients["Marta"]
    for name, body in ROOMS.items():
        path = host.post("/rooms", {"name": name, "kind": "closed"}).location
        host.post(f"{path}/members", {"username": READER})
        host.post(path, {"body": body})
    clients[READER].post("/direct", {"username": "Davi"})


def talk(chats: dict[str, Chat]) -> None:
    """Say everything, each in their turn, and have Davi begin to write one thing more."""
    seqs: list[int] = []
    for place, (name, body) in enumerate(TALK):
        answered = {"target": seqs[ANSWERS[place]]} if place in ANSWERS else {}
        seqs.append(append(chats[name], "post", body=body, **answered))
    for name in LIKING:
        append(chats[name], "react", target=seqs[LIKED], emoji=LIKE)
    chats["Davi"].send("typing", room="lobby")


def append(chat: Chat, kind: str, **fields: object) -> int:
    """Append to the lobby's log; return the number."""
    nonce = secrets.token_hex(8)
    chat.send(kind, room="lobby", nonce=nonce, **fields)
    seq: int = chat.until("ack", nonce=nonce)["seq"]
    return seq


def open_room(page: Page, url: str) -> None:
    """Sign the reader in and wait until the room is live."""
    page.goto(f"{url}/login?next=/rooms/lobby")
    page.fill("[name=username]", READER)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.locator("#state.live").wait_for()


def main() -> None:
    """Make the picture."""
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        for member in MEMBERS:
            add_user(folder, member, *(["--admin"] if member == READER else [])).check_returncode()
        server = Server(folder, "--messages_per_second=0", "--site_name=Saturday Chess Club")
        running.callback(server.stop)
        url = server.wait().url
        clients = {name: Client(url).sign_in(name) for name in MEMBERS}
        chats = {name: client.chat() for name, client in clients.items()}
        for chat in chats.values():
            running.callback(chat.close)
        chromium = running.enter_context(browser(running.enter_context(sync_playwright())))
        page = chromium.new_page(viewport=SIZE, color_scheme="light", locale="en-GB", device_scale_factor=1)
        open_room(page, url)
        make_rooms(clients)
        talk(chats)
        page.locator(".row").get_by_text("before Friday").wait_for()
        page.locator(".reaction b", has_text=str(len(LIKING))).wait_for()
        page.locator("#places .mentions").wait_for()
        page.get_by_text("Davi is writing").wait_for()
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
