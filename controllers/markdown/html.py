"""The blocks of a message as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from controllers.markdown.blocks import Block, Fence, List, Paragraph, Quote, TooManyBlocks, blocks
from controllers.markdown.inlines import escape, inline_html

LANGUAGE = re.compile(r"[\w.+#-]{1,30}")
MAX_HTML_CHARS = 40_000  # of one message; a longer one is shown as plain text, of at most six times its length


def to_html(body: str) -> str:
    """Return the HTML of a message: p, br, a, code, pre, blockquote, em, strong, s, ul, ol, li."""
    text = body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    try:
        html = "".join(_block_html(block) for block in blocks(text))
    except TooManyBlocks:
        return plain_html(text)
    return html if len(html) <= MAX_HTML_CHARS else plain_html(text)


def plain_html(text: str) -> str:
    """Return the HTML of text in which nothing is markup."""
    lines = escape(text).replace("\n", "<br>\n")
    return f"<p>{lines}</p>\n"


def _block_html(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_text_html(block)}</p>\n"
    if isinstance(block, Fence):
        return _fence_html(block)
    if isinstance(block, Quote):
        inside = "".join(map(_block_html, block.children))
        return f"<blockquote>\n{inside}</blockquote>\n" if inside else "<blockquote></blockquote>\n"
    return _list_html(block)


def _text_html(paragraph: Paragraph) -> str:
    return inline_html("\n".join(paragraph.lines).strip())


def _fence_html(fence: Fence) -> str:
    """Return a block of code. The text beside its marks is the language if it looks like one; else it is code."""
    beside = fence.info.strip()
    is_language = (fence.is_closed or fence.lines) and LANGUAGE.fullmatch(beside)
    name = f' class="language-{beside}"' if is_language else ""
    lines = fence.lines if is_language or not beside else [beside, *fence.lines]
    code = "".join(f"{line}\n" for line in lines)
    return f"<pre><code{name}>{escape(code)}</code></pre>\n"


def _list_html(found: List) -> str:
    kind = "ul" if found.start is None else "ol"
    start = f' start="{found.start}"' if found.start not in (None, 1) else ""
    items = "".join(f"<li>{_item_html(item.children, found.is_loose)}</li>\n" for item in found.items)
    return f"<{kind}{start}>\n{items}</{kind}>\n"


def _item_html(children: Sequence[Block], is_loose: bool) -> str:
    """Return the HTML of an item; the paragraphs of a tight list have no tags."""
    pieces = ["" if not children or (isinstance(children[0], Paragraph) and not is_loose) else "\n"]
    for block in children:
        if pieces[-1] and not pieces[-1].endswith("\n") and not isinstance(block, Fence):
            pieces.append("\n")
        is_bare = isinstance(block, Paragraph) and not is_loose
        pieces.append(_text_html(block) if is_bare and isinstance(block, Paragraph) else _block_html(block))
    return "".join(pieces)
