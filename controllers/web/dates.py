"""Dates as pages show them, in the reader's language."""

from __future__ import annotations

import datetime

from tornado.locale import Locale


def full_date(at: float, locale: Locale) -> str:
    """Return the date of `at` (seconds since 1970, read in UTC)."""
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return locale.format_date(moment, relative=False, shorter=True, full_format=True)


def date_without_year(at: float, locale: Locale) -> str:
    """Return the day and month of `at` (seconds since 1970, read in UTC)."""
    return locale.format_day(datetime.datetime.fromtimestamp(at, datetime.UTC), gmt_offset=0, dow=False)


def moment(at: float, locale: Locale) -> str:
    """Return the day and the time of `at` in the server's zone, since a page without a script knows no other."""
    clock = datetime.datetime.fromtimestamp(at).astimezone().strftime("%H:%M")
    return f"{day_label(at, datetime.date.today(), locale)}, {clock}"


def day_label(at: float, today: datetime.date, locale: Locale) -> str:
    """Return the name of the day of `at` in the server's time zone, since a page without a script knows no other."""
    day = datetime.date.fromtimestamp(at)
    return _near(day, today, locale) or _label(day, today, locale)


def due_label(day: datetime.date, today: datetime.date, locale: Locale) -> str:
    """Return the name of a day that may be to come."""
    if day == today + datetime.timedelta(days=1):
        return locale.translate("Tomorrow")
    return _near(day, today, locale) or _label(day, today, locale)


def _near(day: datetime.date, today: datetime.date, locale: Locale) -> str:
    if day == today:
        return locale.translate("Today")
    return locale.translate("Yesterday") if day == today - datetime.timedelta(days=1) else ""


def _label(day: datetime.date, today: datetime.date, locale: Locale) -> str:
    moment = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    label = locale.format_day(moment, gmt_offset=0)
    return label if day.year == today.year else f"{label}, {day.year}"
