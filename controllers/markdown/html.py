"""The blocks of a message as HTML."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from urllib.parse import quote

from controllers.markdown.blocks import TooManyBlocks, blocks
from controllers.markdown.colours import Language, coloured, find_language
from controllers.markdown.inlines import inline_html
from controllers.markdown.references import Setting, escape, text_of
from controllers.markdown.tree import Block, Fence, List, Paragraph, Quote, Table
from models.emojis import split_emoji
from models.names import fold

LANGUAGE = re.compile(r"[\w.+#-]{1,30}")
SIGNS = re.compile(r"<p>([^a-zA-Z&<]{1,80})</p>\n")
MAX_LARGE_EMOJI = 6
MAX_LANGUAGES = 2  # whose code is coloured in one message: each has a lexer to be loaded when it is first seen
MAX_HTML_CHARS = 40_000  # of one message; a longer one is shown as plain text, of at most six times its length


def to_html(body: str, room: str = "", mentions: Collection[str] = ()) -> str:
    """Return the HTML of a message: p, br, a, b, code, pre, span, blockquote, em, strong, s, ul, ol, li; tables in div.

    `room` is the key of the room whose messages are meant by numbers such as `#1`; `mentions` are the names of the
    members whom the message mentions, as they spell them.
    """
    text = body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    try:
        tree = blocks(text)
    except TooManyBlocks:
        return plain_html(text)
    address, names = quote(room, safe=""), {fold(name): name for name in mentions}
    for colour in (1.0, 0.0):
        setting = Setting(address, names, colour_left=colour)
        html = "".join(_block_html(block, setting) for block in tree)
        if len(html) <= MAX_HTML_CHARS:
            return _with_large_emoji(html)
        if setting.colour_left == colour:
            break  # nothing was coloured: the HTML would be the same
    return plain_html(text)


def _with_large_emoji(html: str) -> str:
    """Return the HTML of a message; if it has nothing but a few emoji, as one paragraph of a class of its own."""
    found = SIGNS.fullmatch(html)
    is_large = found is not None and 1 <= len(split_emoji(found[1])) <= MAX_LARGE_EMOJI
    return f'<p class="large-emoji">{found[1]}</p>\n' if found and is_large else html


def plain_html(text: str) -> str:
    """Return the HTML of text in which nothing is markup."""
    lines = escape(text).replace("\n", "<br>\n")
    return f"<p>{lines}</p>\n"


def _block_html(block: Block, setting: Setting) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_text_html(block, setting)}</p>\n"
    if isinstance(block, Fence):
        return _fence_html(block, setting)
    if isinstance(block, Table):
        return _table_html(block, setting)
    if isinstance(block, Quote):
        inside = "".join(_block_html(child, setting) for child in block.children)
        return f"<blockquote>\n{inside}</blockquote>\n" if inside else "<blockquote></blockquote>\n"
    return _list_html(block, setting)


def _text_html(paragraph: Paragraph, setting: Setting) -> str:
    return inline_html("\n".join(paragraph.lines).strip(), setting)


def _fence_html(fence: Fence, setting: Setting) -> str:
    """Return a block of code. The text beside its marks is the language if it looks like one; else it is code."""
    beside = fence.info.strip()
    is_language = (fence.is_closed or fence.lines) and LANGUAGE.fullmatch(beside)
    name = f' class="language-{beside}"' if is_language else ""
    lines = fence.lines if is_language or not beside else [beside, *fence.lines]
    code = "".join(f"{line}\n" for line in lines)
    language = find_language(beside) if is_language else None
    label = f' data-language="{language.name}"' if language else ""
    return f"<pre{label}><code{name}>{_code_html(code, language, setting)}</code></pre>\n"


def _code_html(code: str, language: Language | None, setting: Setting) -> str:
    """Return code, in colours if with it the message's code is not too long, nor of too many languages."""
    if not language:
        return escape(code)
    part, languages = len(code) / language.max_chars, setting.languages | {language.name}
    if part > setting.colour_left or len(languages) > MAX_LANGUAGES:
        return escape(code)
    setting.colour_left -= part
    setting.languages = languages
    return coloured(code, language)


def _table_html(table: Table, setting: Setting) -> str:
    """Return a table in a box that can be scrolled, also by keyboard; what is read aloud there is the head."""
    head, *rows = ([inline_html(cell, setting) for cell in row] for row in table.rows)
    label = escape(", ".join(filter(None, map(text_of, head))))
    body = "".join(_row_html("td", row, table.aligns) for row in rows)
    return (
        f'<div class="table" role="group" tabindex="0" aria-label="{label}"><table>\n'
        f"<thead>\n{_row_html('th', head, table.aligns)}</thead>\n"
        + (f"<tbody>\n{body}</tbody>\n" if body else "")
        + "</table></div>\n"
    )


def _row_html(tag: str, row: Sequence[str], aligns: Sequence[str]) -> str:
    classes = (f' class="{align}"' if align else "" for align in aligns)
    cells = "".join(f"<{tag}{kind}>{cell}</{tag}>\n" for cell, kind in zip(row, classes, strict=True))
    return f"<tr>\n{cells}</tr>\n"


def _list_html(found: List, setting: Setting) -> str:
    kind = "ul" if found.start is None else "ol"
    start = f' start="{found.start}"' if found.start not in (None, 1) else ""
    items = "".join(f"<li>{_item_html(item.children, found.is_loose, setting)}</li>\n" for item in found.items)
    return f"<{kind}{start}>\n{items}</{kind}>\n"


def _item_html(children: Sequence[Block], is_loose: bool, setting: Setting) -> str:
    """Return the HTML of an item; the paragraphs of a tight list have no tags."""
    pieces = ["" if not children or (isinstance(children[0], Paragraph) and not is_loose) else "\n"]
    for block in children:
        if pieces[-1] and not pieces[-1].endswith("\n") and not isinstance(block, Fence):
            pieces.append("\n")
        if isinstance(block, Paragraph) and not is_loose:
            pieces.append(_text_html(block, setting))
        else:
            pieces.append(_block_html(block, setting))
    return "".join(pieces)
