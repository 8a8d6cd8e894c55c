"""Changes that the cluster's own commands make."""

from __future__ import annotations

from crm.cib.document import Document
from crm.cib.edits import cluster

TWO_SETS = """<cib admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>
<cluster_property_set id="empty"/><cluster_property_set id="full"><nvpair id="full-x" name="x" value="1"/>
</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration><status/></cib>"""


def test_an_option_is_changed_where_it_stands() -> None:
    """Of several sets, as Pacemaker allows them, the first need not be the one that has it."""
    before = Document.parse(TWO_SETS)
    change = cluster.option(before, "x", "2")
    assert change is not None
    after = before.apply(change)
    pairs = [(pair.getparent().get("id"), pair.get("value")) for pair in after.root.iter("nvpair")]  # type: ignore[union-attr]
    assert pairs == [("full", "2")]
