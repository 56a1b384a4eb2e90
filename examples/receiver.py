"""Takes what a webhook of Prosa sends and answers "ping": KEY=prosa_hook_... python examples/receiver.py 8890"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time

import tornado.web

KEY = os.environ["KEY"].encode()
MAX_AGE_SECONDS = 300  # what is older may have been recorded, and sent once more by somebody else


class HookHandler(tornado.web.RequestHandler):
    done: dict[str, str] = {}  # the answer to each message; a lasting site keeps it on disk, and not for ever

    def post(self) -> None:
        sent_at, signature = (self.request.headers.get(f"Prosa-{name}", "") for name in ("Timestamp", "Signature"))
        right = "v1=" + hmac.new(KEY, sent_at.encode() + b"." + self.request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode(), right.encode()):
            raise tornado.web.HTTPError(403, "not from that site")
        if abs(time.time() - int(sent_at)) > MAX_AGE_SECONDS:
            raise tornado.web.HTTPError(403, "too old")
        message, key = json.loads(self.request.body), self.request.headers["Prosa-Key"]
        if key not in self.done:  # else it comes once more, since the answer was lost
            print(f"{message['author']}: {message['text']}", flush=True)
            self.done[key] = f"pong, {message['author']}" if message["text"] == "ping" else ""
        if self.done[key]:
            self.write({"text": self.done[key]})


async def main() -> None:
    tornado.web.Application([("/", HookHandler)]).listen(int(sys.argv[1]))
    await asyncio.Event().wait()


asyncio.run(main())
