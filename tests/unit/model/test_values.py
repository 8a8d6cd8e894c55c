"""Words of a CIB as numbers, truth values and times."""

from __future__ import annotations

import pytest

from crm.model.dates import add_duration, calendar_fields, offset_seconds, parse_moment
from crm.model.digest import digest, digest_of_action
from crm.model.rules import Duration
from crm.model.values import interval_ms, parse_bool, parse_duration_seconds, parse_interval_ms


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        (None, 0),
        ("0", 0),
        ("10", 10_000),
        ("10s", 10_000),
        ("10 sec", 10_000),
        ("250ms", 250),
        ("1500us", 1),
        ("2min", 120_000),
        ("1h", 3_600_000),
        ("3.7s", 3_000),
        ("PT1M", 60_000),
        ("P1DT2H", 93_600_000),
        ("P30S", 30_000),
    ],
)
def test_intervals_are_read_with_their_units(text: str | None, milliseconds: int) -> None:
    assert parse_interval_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["soon", "10 parsecs", "-5s", "P", "PT", "P1", "P1X", ""])
def test_what_is_no_interval_is_told_apart_and_counts_as_none(text: str) -> None:
    assert parse_interval_ms(text) is None
    assert interval_ms(text) == 0


def test_months_and_minutes_are_told_apart_by_the_t() -> None:
    assert parse_duration_seconds("P1M") == 30 * 86400
    assert parse_duration_seconds("PT1M") == 60


@pytest.mark.parametrize(
    ("text", "truth"), [("TRUE", True), ("y", True), ("off", False), ("0", False), ("maybe", None)]
)
def test_truth_values_ignore_case(text: str, truth: bool | None) -> None:
    assert parse_bool(text) is truth


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01", 0),
        ("1970-01-01 00:00:10Z", 10),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-W01-4", 0),
        ("1970-001", 0),
        ("19700102", 86400),
        ("2005-020", 1_106_179_200),
        ("2040-01-01 00:00:00Z", 2_208_988_800),
        ("2024-366", 1_735_603_200),
    ],
)
def test_dates_of_all_three_calendars_are_read(text: str, moment: int) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["2023-366", "2023-02-30", "2023-13-01", "tomorrow", "2023-01-01 25:00:00", ""])
def test_impossible_dates_are_none(text: str) -> None:
    assert parse_moment(text) is None


def test_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    start = parse_moment("2023-01-31")
    assert start is not None
    assert add_duration(start, Duration(months=1)) == parse_moment("2023-02-28")
    assert add_duration(start, Duration(years=9999)) is None


def test_years_keep_the_day_of_the_year() -> None:
    start, leap_day = parse_moment("2022-05-20"), parse_moment("2024-12-31")
    assert start is not None and leap_day is not None
    assert add_duration(start, Duration(years=2)) == parse_moment("2024-05-19")
    assert add_duration(leap_day, Duration(years=1)) == parse_moment("2026-01-01")


def test_months_are_those_of_the_calendar_that_a_date_is_written_in() -> None:
    start = parse_moment("2024-01-31 00:30:00 +02:00")
    assert start is not None
    assert add_duration(start, Duration(months=1), 7200) == parse_moment("2024-02-29 00:30:00 +02:00")


@pytest.mark.parametrize(
    ("text", "seconds"), [("2024-01-31 00:30 +02:00", 7200), ("2024-01-31T00:30Z", 0), ("2023-12-31", 0)]
)
def test_a_date_says_how_far_ahead_its_calendar_is(text: str, seconds: int) -> None:
    assert offset_seconds(text) == seconds


def test_calendar_fields_know_iso_weeks() -> None:
    moment = parse_moment("2021-01-03 12:30:15Z")
    assert moment is not None
    fields = calendar_fields(moment)
    assert (fields["years"], fields["weekyears"], fields["weeks"], fields["weekdays"]) == (2021, 2020, 53, 7)
    assert (fields["hours"], fields["minutes"], fields["seconds"], fields["yeardays"]) == (12, 30, 15, 3)


def test_digests_are_those_that_pacemaker_records() -> None:
    assert digest({}) == "f2317cad3d54cec5d7d7aa7d0bf35cf8"
    given = {"CRM_meta_timeout": "20000", "CRM_meta_interval": "10000", "crm_feature_set": "3.20.5"}
    assert digest_of_action(given, 10_000) == "4811cef7f7f94e3a35a70be7916cb2fd"
    assert digest_of_action(given, 0) == digest({})
