"""How many instances a clone has, and what they may do."""

from __future__ import annotations

from tests.unit.observe.helpers import look, member


def test_a_clone_that_can_only_be_anonymous_has_an_instance_per_node() -> None:
    clone = (
        '<clone id="web-clone"><meta_attributes id="m"><nvpair id="m-u" name="globally-unique" value="true"/>'
        '<nvpair id="m-m" name="clone-max" value="5"/></meta_attributes>'
        '<primitive id="web" class="lsb" type="web"/></clone>'
    )
    found = look(clone, member("a") + member("b")).find("web-clone")
    assert found is not None
    assert [instance.id for instance in found.children] == ["web:0", "web:1"]
