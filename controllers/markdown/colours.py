"""Code in the colours of its language, by Pygments: classes in views/statics/messages.css, no styles.

Most of its lexers take quadratic time for some code, so each language has a length from which on code has no colours. A
lexer is loaded when its language is first seen, which takes up to 50 ms.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from operator import itemgetter
from typing import Any

from controllers.markdown.references import escape

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its name as people write it, its lexer, what may be typed for it, and up to where it is coloured."""

    name: str
    lexer: str
    aliases: str
    max_chars: int


# The lengths are those at which the slowest code that was found takes 10 to 30 ms.
LANGUAGES = (
    Language("Bash", "shell.BashLexer", "bash sh shell zsh console", 5000),
    Language("C", "c_cpp.CLexer", "c h", 1000),
    Language("C#", "dotnet.CSharpLexer", "csharp cs c#", 500),
    Language("C++", "c_cpp.CppLexer", "cpp c++ cxx hpp cc", 1000),
    Language("CSS", "css.CssLexer", "css", 1500),
    Language("Dart", "javascript.DartLexer", "dart", 2500),
    Language("Diff", "diff.DiffLexer", "diff patch", 5000),
    Language("Dockerfile", "configs.DockerLexer", "dockerfile docker", 5000),
    Language("Elixir", "erlang.ElixirLexer", "elixir ex exs", 5000),
    Language("Go", "go.GoLexer", "go golang", 1500),
    Language("HTML", "html.HtmlLexer", "html htm", 1500),
    Language("Haskell", "haskell.HaskellLexer", "haskell hs", 5000),
    Language("INI", "configs.IniLexer", "ini cfg conf", 1500),
    Language("JSON", "data.JsonLexer", "json jsonc", 5000),
    Language("Java", "jvm.JavaLexer", "java", 1000),
    Language("JavaScript", "javascript.JavascriptLexer", "javascript js mjs node", 1500),
    Language("JSX", "jsx.JsxLexer", "jsx", 1500),
    Language("Kotlin", "jvm.KotlinLexer", "kotlin kt kts", 5000),
    Language("Lua", "scripting.LuaLexer", "lua", 2500),
    Language("Makefile", "make.MakefileLexer", "makefile make mk", 1000),
    Language("Markdown", "markup.MarkdownLexer", "markdown md", 1000),
    Language("Nginx", "configs.NginxConfLexer", "nginx", 5000),
    Language("PHP", "php.PhpLexer", "php", 1500),
    Language("PowerShell", "shell.PowerShellLexer", "powershell ps1 pwsh", 5000),
    Language("Python", "python.PythonLexer", "python py python3", 1500),
    Language("Ruby", "ruby.RubyLexer", "ruby rb", 2500),
    Language("Rust", "rust.RustLexer", "rust rs", 5000),
    Language("SCSS", "css.ScssLexer", "scss", 5000),
    Language("SQL", "sql.SqlLexer", "sql sqlite mysql", 5000),
    Language("Swift", "objective.SwiftLexer", "swift", 5000),
    Language("TOML", "configs.TOMLLexer", "toml", 2500),
    Language("TypeScript", "javascript.TypeScriptLexer", "typescript ts", 1500),
    Language("XML", "html.XmlLexer", "xml svg", 1500),
    Language("YAML", "data.YamlLexer", "yaml yml", 1500),
)
BY_ALIAS = {alias: language for language in LANGUAGES for alias in language.aliases.split()}

# Of the lexers: PHP without `<?php`, and no code within Markdown, since that would be read by any lexer there is.
OPTIONS = {"startinline": True, "handlecodeblocks": False}

# The classes, by the kinds of Pygments; the longest beginning of a kind counts.
CLASSES = {
    ("Comment",): "c",
    ("Comment", "Preproc"): "t",
    ("Comment", "PreprocFile"): "s",
    ("Generic", "Deleted"): "gd",
    ("Generic", "Heading"): "k",
    ("Generic", "Inserted"): "gi",
    ("Generic", "Subheading"): "k",
    ("Keyword",): "k",
    ("Keyword", "Type"): "t",
    ("Literal", "Number"): "m",
    ("Literal", "String"): "s",
    ("Name", "Attribute"): "t",
    ("Name", "Builtin"): "t",
    ("Name", "Class"): "f",
    ("Name", "Decorator"): "t",
    ("Name", "Exception"): "t",
    ("Name", "Function"): "f",
    ("Name", "Tag"): "k",
    ("Operator", "Word"): "k",
}


def find_language(name: str) -> Language | None:
    """Return the language that is called so."""
    return BY_ALIAS.get(name.lower())


def coloured(code: str, language: Language) -> str:
    """Return the HTML of code, of at most `max_chars` characters."""
    try:
        kinds = list(_kinds(code, _lexer(language)))
    except Exception as error:  # a message must not break the page because of a lexer's mistake
        log.warning("Pygments cannot read some %s: %s", language.name, type(error).__name__)
        return escape(code)
    pieces, begin = [], 0
    for css, group in groupby(kinds, itemgetter(0)):
        *_, (_, end) = group
        text = escape(code[begin:end])
        pieces.append(f'<span class="{css}">{text}</span>' if css else text)
        begin = end
    return "".join(pieces) + escape(code[begin:])


def _kinds(code: str, lexer: Any) -> Iterator[tuple[str, int]]:
    """Yield the class of each piece of code, and where it ends. It stops where the lexer leaves something out."""
    pos = 0
    for begin, kind, text in lexer.get_tokens_unprocessed(code):
        if begin != pos:
            return
        pos += len(text)
        yield _css(kind), pos


@functools.cache
def _css(kind: tuple[str, ...]) -> str:
    return next((CLASSES[kind[:end]] for end in range(len(kind), 0, -1) if kind[:end] in CLASSES), "")


@functools.cache
def _lexer(language: Language) -> Any:
    module, _, name = language.lexer.rpartition(".")
    return getattr(import_module(f"pygments.lexers.{module}"), name)(**OPTIONS)
