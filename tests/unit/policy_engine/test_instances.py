"""How many instances a clone has, and what they may do."""

from __future__ import annotations

from tests.unit.observe.helpers import DUMMY, look, member


def test_a_clone_that_can_only_be_anonymous_has_an_instance_per_node() -> None:
    clone = (
        '<clone id="web-clone"><meta_attributes id="m"><nvpair id="m-u" name="globally-unique" value="true"/>'
        '<nvpair id="m-m" name="clone-max" value="5"/></meta_attributes>'
        '<primitive id="web" class="lsb" type="web"/></clone>'
    )
    found = look(clone, member("a") + member("b")).find("web-clone")
    assert found is not None
    assert [instance.id for instance in found.children] == ["web:0", "web:1"]


def _contained(name: str, container: str) -> str:
    pair = f'<nvpair id="{name}-c" name="container" value="{container}"/>'
    return f'<primitive id="{name}" {DUMMY}><meta_attributes id="{name}-m">{pair}</meta_attributes></primitive>'


def test_a_container_is_found_by_its_whole_name_and_never_inside_of_itself() -> None:
    unique = '<meta_attributes id="m"><nvpair id="m-u" name="globally-unique" value="true"/></meta_attributes>'
    inner = look(f'<clone id="c">{unique}{_contained("inner", "inner")}</clone>', member("a")).by_id["inner:0"][0]
    assert inner.launcher is None
    each_other = look(_contained("x", "y") + _contained("y", "x"), member("a"))
    assert [report.where for report in each_other.reports if report.code == "missing-container"] == ["y"]
