"""Terms: no two nodes can ever stand in the same."""

from __future__ import annotations

import pytest

from crm.controller.cluster_state import ClusterConfig


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_no_two_nodes_stand_in_the_same_term(size: int) -> None:
    config = ClusterConfig(tuple((name, name) for name in "abcde"[:size]), size // 2 + 1)
    for highest in range(20):
        terms = {name: config.next_term(highest, name) for name in config.names}
        assert len(set(terms.values())) == size
        assert all(highest < term <= highest + size for term in terms.values())
    own = [{config.next_term(highest, name) for highest in range(50)} for name in config.names]
    assert len(set.union(*own)) == sum(map(len, own))
