"""Moments of the calendar: ISO 8601 text to epoch seconds, calendar arithmetic, and the fields that rules ask for.

Rules speak of years, ISO weeks and days of the year. All of it is reckoned in UTC unless a text names its offset, so
that every node answers alike. Source: Pacemaker Explained, "Date expressions"; ISO 8601.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta

from crm.model.rules import Duration

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-?W(?P<week>\d{2})-?(?P<weekday>\d)|-?(?P<month>\d{2})-?(?P<day>\d{2})|-?(?P<ordinal>\d{3}))$"
)
_TIME = re.compile(
    r"(?P<hour>\d{2})(?::?(?P<minute>\d{2}))?(?::?(?P<second>\d{2}))?(?:[.,]\d+)?\s*"
    r"(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?$"
)


def _parse_date(text: str) -> date | None:
    found = _DATE.match(text)
    if not found:
        return None
    year = int(found["year"])
    try:
        if found["week"]:
            return date.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
        if found["ordinal"]:
            result = date(year, 1, 1) + timedelta(days=int(found["ordinal"]) - 1)
            return result if result.year == year and int(found["ordinal"]) else None
        return date(year, int(found["month"]), int(found["day"]))
    except (ValueError, OverflowError):
        return None


def _offset_seconds(text: str | None) -> int:
    if text is None or text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or "0") * 60
    return -seconds if text[0] == "-" else seconds


def _parse_time(text: str) -> int | None:
    """Seconds since midnight UTC of the day that goes with it; may lie outside that day because of the offset."""
    found = _TIME.match(text)
    if not found:
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    return hour * 3600 + minute * 60 + second - _offset_seconds(found["offset"])


def _parts(text: str) -> tuple[str, str]:
    """The day and the time of a date; the time may be empty."""
    day, _, time = text.strip().replace("T", " ", 1).partition(" ")
    return day, time.strip()


def parse_moment(text: str) -> int | None:
    """Epoch seconds of an ISO 8601 date with an optional time (midnight if none); None if it is not one."""
    text = text.strip()
    if text == "epoch":
        return 0
    day_text, time_text = _parts(text)
    day = _parse_date(day_text)
    seconds = _parse_time(time_text) if time_text else 0
    if day is None or seconds is None:
        return None
    return (day - date(1970, 1, 1)).days * 86400 + seconds


def offset_seconds(text: str) -> int:
    """How far ahead of UTC the calendar is that a date was written in; 0 if it does not say."""
    found = _TIME.match(_parts(text)[1])
    return _offset_seconds(found["offset"]) if found else 0


def as_datetime(moment: int) -> datetime | None:
    """The moment on the calendar, None beyond the years 1 to 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)
    except OverflowError:
        return None


def _add_years(moment: datetime, years: int) -> datetime:
    """The same day of the year some years on: a day of the year is what Pacemaker's dates are made of."""
    days = moment.timetuple().tm_yday - 1
    return moment.replace(year=moment.year + years, month=1, day=1) + timedelta(days=days)


def _add_months(moment: datetime, months: int) -> datetime:
    """The same day some months on, or the last day of that month when it has fewer."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def add_duration(moment: int, duration: Duration, offset_s: int = 0) -> int | None:
    """Epoch seconds of `moment` plus a span, years first; None when that leaves the calendar.

    Years and months are those of the calendar that is `offset_s` ahead of UTC.
    """
    start = as_datetime(moment + offset_s)
    if start is None:
        return None
    try:
        shifted = _add_months(_add_years(start, duration.years), duration.months)
        shifted += timedelta(
            weeks=duration.weeks,
            days=duration.days,
            hours=duration.hours,
            minutes=duration.minutes,
            seconds=duration.seconds,
        )
    except (ValueError, OverflowError):
        return None
    return int((shifted - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) - offset_s


def calendar_fields(moment: int) -> dict[str, int]:
    """The fields that a `date_spec` can ask for, by its attribute names; empty beyond the calendar."""
    when = as_datetime(moment)
    if when is None:
        return {}
    iso = when.isocalendar()
    return {
        "years": when.year,
        "months": when.month,
        "monthdays": when.day,
        "hours": when.hour,
        "minutes": when.minute,
        "seconds": when.second,
        "yeardays": when.timetuple().tm_yday,
        "weekyears": iso.year,
        "weeks": iso.week,
        "weekdays": iso.weekday,
    }
