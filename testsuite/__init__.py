"""What proves the site: real HTTP, real sockets, real servers, a real browser."""

import os

# A proxy that the machine has for the web is not asked for what runs here.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, (os.environ.get(name), "localhost,127.0.0.1,::1")))
