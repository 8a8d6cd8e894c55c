"""Text from outside is fit for XML, logs and terminals, whatever somebody says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from crm.model.text import fit, fit_line, last_lines


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("plain, ünïcode, 日本 and\ttabs", "plain, ünïcode, 日本 and\ttabs"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a window title\x07text", "text"),
        ("a\x00b", r"a\x00b"),
        (b"broken \xff\xfe", r"broken \xff\xfe"),
        (b"half of a character \xe2\x82", r"half of a character \xe2\x82"),
        ("10 %\r20 %\r\ndone", "10 %\n20 %\ndone"),
        ("\x9b31m of eight bits", r"\x9b31m of eight bits"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\udcff and \uffff", r"\udcff and \uffff"),
        ("an escape that ends\x1b", r"an escape that ends\x1b"),
    ],
)
def test_what_cannot_be_kept_or_shown_is_written_as_an_escape(said: str | bytes, kept: str) -> None:
    assert fit(said) == kept


@given(st.one_of(st.binary(), st.text(st.characters(exclude_categories=[]))))
def test_everything_fits_into_xml_and_moves_no_cursor(said: str | bytes) -> None:
    element = etree.Element("a")
    element.set("value", fit(said))
    assert etree.fromstring(etree.tostring(element)).get("value") == fit(said)
    assert all(character.isprintable() or character in "\n\t" or ord(character) > 0x9F for character in fit(said))


@given(st.binary())
def test_what_is_fit_stays_as_it_is(said: bytes) -> None:
    assert fit(fit(said)) == fit(said)


def test_a_line_is_bounded() -> None:
    assert fit_line("two\nlines  and spaces", 100) == "two lines and spaces"
    assert fit_line("x" * 1_000_000, 10) == "x" * 9 + "…"


def test_the_end_of_a_long_text_is_kept() -> None:
    text = "".join(f"line {number}\n\n" for number in range(10_000))
    assert last_lines(text, 2, 1000) == "line 9998\nline 9999"
    assert last_lines("y" * 5000, 3, 100) == "…" + "y" * 99
    assert last_lines("\n \n", 3, 100) == ""
