"""The subset of CommonMark that people type in a chat, as HTML, in linear time whatever is written.

A message is read once, line by line: each line walks through at most MAX_LEVEL open quotes and lists and opens as many
(blocks.py). A paragraph is read once, from special character to special character; code, an address or an escape is
behind us once it is read (inlines.py, addresses.py), and each run of `*`, `_` or `~` is put on a stack and taken off it
once (emphasis.py). Patterns have no two ways to match the same text. Without HTML, images, headings and named links.
"""
