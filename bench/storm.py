"""Fan-out: k messages in flight among all members, and the proof that each member got all of them.

"k in flight": k members each have one message under way and send the next one as soon as they see
their own come back. The clock runs from the first send until the last byte has reached the last
member, so a server cannot gain by being late.
"""

import gc
import json
import time
from dataclasses import dataclass
from typing import Any

from bench.chats import BODY_PREFIX
from bench.load import Crowd, Member

SILENCE_TIMEOUT_SECONDS = 2.0  # without a byte, with messages under way, that are a failure
# Waking a reader for each single byte costs the sender more than sending does, and no server has
# its readers on the same machine. So the readers look around every 0.3 ms, a fortieth of the time
# that one message to 1,000 members takes, unless there is plenty to read.
NAP_SECONDS = 0.0003
FEW_READY = 64


@dataclass(frozen=True, slots=True)
class Storm:
    """What happened: deliveries a second, bytes of one message in its frame, share of the load's
    core that we used (1.0: the load was the limit), and what went wrong, if anything did."""

    rate: float
    size: int
    busy: float
    fault: str


class Senders:
    """The members that send, each one message at a time."""

    def __init__(self, crowd: Crowd, count: int, run: str) -> None:
        self.crowd = crowd
        self.run = run
        self.sending = True
        self.sent: list[str] = []
        self.waiting: dict[int, bytes] = {}
        step = len(crowd.members) // count
        self.members = crowd.members[step // 2 :: step][:count]

    def start(self) -> None:
        """Send the first message of each."""
        for member in self.members:
            self.crowd.listen(member, self.heard)
            self._send(member)

    def heard(self, member: Member, payload: bytes) -> None:
        """Send the next message if this frame has the sender's own last one."""
        token = self.waiting.get(member.index)
        if token and token in payload:
            del self.waiting[member.index]
            if self.sending:
                self._send(member)
        elif b"error" in payload:
            raise ConnectionError(f"the server refused: {payload[:300]!r}")

    def _send(self, member: Member) -> None:
        token = f"{BODY_PREFIX}{self.run}-{len(self.sent):07d}"
        self.sent.append(token)
        self.waiting[member.index] = token.encode()
        member.send(member.chat.frame(member.chat.say(token)))


class Probe:
    """The member that reads everything in full."""

    def __init__(self, crowd: Crowd) -> None:
        self.member = crowd.members[-1]
        self.tokens: list[str] = []
        self.seqs: list[int] = []
        self.size = 0
        crowd.listen(self.member, self.heard)

    def heard(self, member: Member, payload: bytes) -> None:
        """Note each message's token, and its seq where it has one."""
        texts = member.chat.messages(payload)
        for text in texts:
            message: dict[str, Any] = json.loads(text) if text.startswith("{") else {"body": text}
            if not message.get("body", "").startswith(BODY_PREFIX):
                continue
            self.tokens.append(message["body"].split(" ")[0])
            self.size = len(payload) // len(texts)
            if "seq" in message:
                self.seqs.append(message["seq"])

    def fault(self, sent: list[str]) -> str:
        """Say what is missing, doubled or out of order, or nothing."""
        if sorted(self.tokens) != sorted(sent):
            return f"the probe got {len(self.tokens)} of {len(sent)} messages"
        if self.seqs != sorted(set(self.seqs)):
            return "the probe got seqs out of order"
        return ""


def storm(crowd: Crowd, count: int, seconds: float, run: str) -> Storm:
    """Keep `count` messages in flight for about `seconds`; see that all arrived everywhere."""
    crowd.quiet(limit=30)
    masses = [crowd.mass(member) for member in crowd.members]
    senders, probe = Senders(crowd, count, run), Probe(crowd)
    gc.collect()
    gc.disable()
    began, cpu = time.perf_counter(), time.process_time()
    senders.start()
    _pump(crowd, senders, probe, began + seconds)
    elapsed, cpu = crowd.last - began, time.process_time() - cpu
    gc.enable()
    for member in (*senders.members, probe.member):
        crowd.listen(member, None)
    fault = probe.fault(senders.sent) or _uneven(crowd, masses, senders, probe)
    rate = len(senders.sent) * len(crowd.members) / elapsed
    return Storm(rate, probe.size, cpu / elapsed, fault)


def _pump(crowd: Crowd, senders: Senders, probe: Probe, ends: float) -> None:
    """Read until it is time to stop, then until all has arrived, or nothing comes any more."""
    while time.perf_counter() < ends:
        ready = crowd.read(SILENCE_TIMEOUT_SECONDS)
        if not ready:
            raise TimeoutError(f"nothing came for {SILENCE_TIMEOUT_SECONDS} s ({len(senders.sent)} sent)")
        if ready < FEW_READY:
            time.sleep(NAP_SECONDS)
    senders.sending = False
    while (senders.waiting or len(probe.tokens) < len(senders.sent)) and crowd.read(SILENCE_TIMEOUT_SECONDS):
        pass
    crowd.quiet(limit=60)


def _uneven(crowd: Crowd, before: list[int], senders: Senders, probe: Probe) -> str:
    """Return how many members did not receive what the probe received.

    The senders are left out: their own acknowledgements come on top. That each of their own
    messages came back is seen by the sending itself.
    """
    own = {member.index for member in senders.members}
    gained = {
        member.index: crowd.mass(member) - mass
        for member, mass in zip(crowd.members, before, strict=True)
        if member.index not in own
    }
    odd = sum(mass != gained[probe.member.index] for mass in gained.values())
    return f"{odd} members received something else than the probe" if odd else ""
