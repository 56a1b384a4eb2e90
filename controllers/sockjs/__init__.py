"""sockjs-tornado made safe: only library.py imports it.

The library carries the protocol; these subclasses decide who may connect, and hold nothing for slow readers.
"""
