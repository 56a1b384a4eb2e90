"""The few files from npm that pages load; nothing else of node_modules is served."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from controllers.statics import VERSION, StaticHandler

PREFIX = "/static/vendor/"
SOCKJS = "sockjs.min.js"
FOLDERS = {SOCKJS: "sockjs-client/dist", "angular.min.js": "angular", "angular-csp.css": "angular"}


def routes(node_modules: Path) -> list[Any]:
    """Return the addresses of these files, with a version or without."""
    return [
        (rf"{PREFIX}((?:{VERSION}/)?{re.escape(name)})", StaticHandler, {"path": str(node_modules / folder)})
        for name, folder in FOLDERS.items()
    ]


def url(node_modules: Path, name: str) -> str:
    """Return the address of a file, with the version of its folder. The file is there once npm has installed it."""
    settings = {"static_path": str(node_modules / FOLDERS[name]), "static_url_prefix": PREFIX}
    return StaticHandler.make_static_url(settings, name)


def urls(node_modules: Path) -> dict[str, str]:
    """Return the addresses of those files that npm has installed, by their names."""
    present = (name for name, folder in FOLDERS.items() if (node_modules / folder / name).exists())
    return {name: url(node_modules, name) for name in present}
