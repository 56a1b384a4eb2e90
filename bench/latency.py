"""How long a message takes from the process where it is sent to the others where it is seen."""

import json
import time

from bench.chats import BODY_PREFIX
from bench.load import Crowd, Member


class DelayMeter:
    """Notes when each message was sent, and when one member of every other process saw it."""

    def __init__(self, crowd: Crowd, run: str) -> None:
        self.run = run
        self.delays: list[float] = []
        self.sent: list[float] = []
        self.homes = {member.index: process_of(member) for member in crowd.members}
        self.senders = {self.homes[member.index]: member for member in crowd.members}
        for member in self.senders.values():
            crowd.listen(member, self.on_frame)

    def send(self) -> None:
        """Send the next message, at each process in turn."""
        processes = sorted(self.senders)
        number = len(self.sent)
        member = self.senders[processes[number % len(processes)]]
        data = member.chat.frame(member.chat.say(f"{BODY_PREFIX}{self.run}-{number:07d}"))
        self.sent.append(time.perf_counter())
        member.send(data)

    def on_frame(self, member: Member, payload: bytes) -> None:
        """Note a message that was sent at another process."""
        now = time.perf_counter()
        for text in member.chat.messages(payload):
            message = json.loads(text)
            body = message.get("body", "")
            if message["type"] != "entry" or not body.startswith(f"{BODY_PREFIX}{self.run}"):
                continue
            number = int(body.split(" ")[0].rpartition("-")[2])
            processes = sorted(self.senders)
            if self.homes[member.index] != processes[number % len(processes)]:
                self.delays.append(now - self.sent[number])


def process_of(member: Member) -> str:
    """Return the name of the process that greeted this member."""
    for payload in member.greetings:
        for text in member.chat.messages(payload):
            message = json.loads(text)
            if message["type"] == "hello":
                return str(message["process"])
    raise ValueError("no hello among the first frames")


def delays(crowd: Crowd, processes: int, rate: float, seconds: float, run: str) -> list[float]:
    """Send `rate` messages a second; return the seconds until each other process saw each."""
    crowd.quiet(limit=30)
    meter = DelayMeter(crowd, run)
    if len(meter.senders) != processes:
        raise ValueError(f"members came to {len(meter.senders)} of {processes} processes")
    began = time.perf_counter()
    count = int(rate * seconds)
    while len(meter.sent) < count:
        wait = began + len(meter.sent) / rate - time.perf_counter()
        if wait <= 0:
            meter.send()
        else:
            crowd.read(wait)
    crowd.quiet(limit=30)
    missing = count * (processes - 1) - len(meter.delays)
    if missing:
        raise ValueError(f"{missing} messages were not seen at another process")
    return meter.delays
