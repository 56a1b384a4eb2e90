"""The subset of CommonMark that people type in a chat, with tables, as HTML, in linear time for every input.

A message is read once, line by line: each line passes at most MAX_LEVEL open quotes and lists and opens as many
(blocks.py). A paragraph is read once, from special character to special character; code, an address or an escape is
not read a second time (inlines.py, addresses.py), and each `[` and each run of `*`, `_` or `~` is pushed to a stack and
popped from it once (emphasis.py). No pattern can match the same text in two ways. The colours of code are limited in
length instead (colours.py). HTML, images, headings and links by reference are left out.

docs/writing.rst shows what can be typed.
"""
