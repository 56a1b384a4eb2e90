"""Errors as pages in the site's look, or as JSON for programs, in the reader's language."""

from __future__ import annotations

import json
import logging
import math
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import tornado.locale

from controllers.web import headers
from controllers.web.forms import FormHandler
from controllers.web.hashing_queue import ClientDisconnected
from controllers.web.http_status import code_of, status_of, status_text
from controllers.web.languages import language_of
from controllers.web.logs import FailureLog
from controllers.web.rendering import isolated
from models.errors.accounts import MadeForAnother, SignedOut
from models.errors.base import Refusal, WrongFields

logger = logging.getLogger(__name__)

API_PATH = "/api/"  # below which every answer is for programs


class ErrorPageHandler(FailureLog, FormHandler):
    """A handler that says why something was refused or failed."""

    answers_json = False

    def get_browser_locale(self, default: str = "") -> tornado.locale.Locale:
        """Return the language that the browser prefers; a member has no other setting."""
        return language_of(self.request.headers.get("Accept-Language", ""))

    def translate(self, sentence: str) -> str:
        """Return a sentence in the reader's language."""
        return self.locale.translate(sentence)

    def wants_json(self) -> bool:
        """Tell whether the answer, or the error, is for a program."""
        is_for_programs = self.answers_json or self.request.path.startswith(API_PATH)
        return is_for_programs or "application/json" in self.request.headers.get("Accept", "")

    def allowed_methods(self) -> list[str]:
        """Return the methods that this address takes."""
        methods = headers.supported_methods(self)
        return methods if "GET" in methods else ["POST"]

    def set_refusal(self, refusal: Refusal) -> None:
        """Set the status of a refusal, and after how many seconds the request may be repeated."""
        self.set_status(status_of(refusal))
        if refusal.retry_after:
            self.set_header("Retry-After", math.ceil(refusal.retry_after))

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer an error; a refusal has a status of its own."""
        error = _error_of(kwargs)
        super().send_error(status_of(error) if isinstance(error, Refusal) else status_code, **kwargs)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        if isinstance(value, ClientDisconnected):
            return
        if isinstance(value, Refusal):
            logger.info("refused: %s", type(value).__name__)
        else:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a page in the site's look, or with JSON for a program."""
        error = _error_of(kwargs)
        if isinstance(error, ClientDisconnected):
            self.finish()
            return
        if isinstance(error, Refusal):
            self.set_refusal(error)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.allowed_methods()))
        title, sentence = map(self.translate, _texts_of(error, status_code))
        if self.wants_json():
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            described = {"code": code_of(error, status_code), "status": status_code, "message": sentence}
            more = error.more if isinstance(error, Refusal) else {}
            self.finish(json.dumps({"error": described | self.details_of(error), **more}))
        elif self.settings.get("serve_traceback") and status_code == 500:
            super().write_error(status_code, **kwargs)
        else:
            shown = {"status": status_code, "title": title, "reason": sentence}
            self.render("error.html", **shown, kept=self.kept_input(), way_on=self.way_on(error))

    def details_of(self, error: BaseException | None) -> dict[str, object]:
        """Return what a program is told of an error besides its code: which fields are wrong, when to try again."""
        details: dict[str, object] = {}
        if isinstance(error, Refusal) and status_of(error) == 400:
            refusals = error.refusals if isinstance(error, WrongFields) else [error]
            fields = {one.field: self.translate(one.sentence) for one in refusals if one.field != Refusal.field}
            details |= {"fields": fields} if fields else {}
        if isinstance(error, Refusal) and error.retry_after:
            details["retry_after"] = error.retry_after
        return details

    def way_on(self, error: BaseException | None) -> tuple[str, str]:
        """Return the words and the address of the link on the page of an error."""
        here = (self.request.path if "GET" in headers.supported_methods(self) else "") or "/"
        if isinstance(error, MadeForAnother):
            return self.translate("Open as %(name)s") % {"name": isolated(self.current_user.username)}, here
        if isinstance(error, SignedOut):
            return self.translate("Sign in again"), "/login?" + urlencode({"next": here})
        return self.translate("Back to the start"), "/"


def _error_of(kwargs: dict[str, Any]) -> BaseException | None:
    """Return the exception for which Tornado sends an error; None if a handler sends one itself."""
    error: BaseException | None = kwargs.get("exc_info", (None, None, None))[1]
    return error


def _texts_of(error: BaseException | None, status_code: int) -> tuple[str, str]:
    """Return the title and the sentence for an error, in English."""
    title, sentence = status_text(status_code)
    if isinstance(error, Refusal):
        return error.title or title, error.sentence or sentence
    return title, sentence
