"""XPath as texts: what is quoted, what takes one pass, what is refused."""

from __future__ import annotations

import pytest
from lxml import etree

from crm.cib import expressions
from crm.cib.errors import CibError

PLAIN = ["/cib", "//primitive", "/cib/configuration/resources//*[@id='web']", "//nvpair[@name='a' and @value='b']",
         "//primitive[@id='web']//nvpair[@name='password']", "//rsc_location[2]", "//node[@uname]/instance_attributes"]
OTHER = ["//a//a", "//*[count(//*)>0]", "//a[b]", "//a/..", "//a|//b", "count(//a)", "//a/preceding::b", "a", "",
         "//a[@x='1' and starts-with(@y,'z')]", "//a[@id='x' or //b]", "//a[@id='x']//b//c", "/cib[", "//a[.//b]"]


@pytest.mark.parametrize("expression", PLAIN)
def test_one_pass_is_plain(expression: str) -> None:
    assert expressions.is_plain(expression)
    etree.XPath(expression)


@pytest.mark.parametrize("expression", OTHER)
def test_whatever_else_is_not(expression: str) -> None:
    assert not expressions.is_plain(expression)


@pytest.mark.parametrize("text", ["plain", "it's", 'say "yes"', "it's \"both\"", "'", "''\"\"", ""])
def test_a_name_is_found_whatever_quotation_marks_it_holds(text: str) -> None:
    root = etree.Element("cib")
    etree.SubElement(root, "nvpair", name=text)
    assert root.xpath(f"count(nvpair[@name={expressions.literal(text)}])") == 1.0


@pytest.mark.parametrize("expression", ["/" + "a" * expressions.LONGEST, "//*" + "[*" * 20 + "]" * 20, "(" * 20])
def test_what_is_too_long_or_too_deep_is_refused(expression: str) -> None:
    with pytest.raises(CibError) as caught:
        expressions.check(expression)
    assert caught.value.code == "bad-xpath"


def test_brackets_within_strings_do_not_count() -> None:
    expressions.check(f"//a[@x='{'[' * 50}']")
