"""sockjs-tornado made safe: only library.py imports it (docs/sockjs.rst lists what is changed).

The library carries the protocol. The subclasses here decide who may connect, and queue nothing for slow clients.
"""
