"""Every message that controllers send arrives as it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.cib.changes import Batch, Edit, Patch, Replace
from crm.controller.protocol.codec import decode, encode
from crm.controller.protocol.messages import ChangeForward, Message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind)), max_size=3))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("kind", Message.__args__, ids=lambda kind: kind.__name__)
def test_a_message_arrives_as_it_was_sent(kind: type[Any]) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_type(kind), st.integers(0, 2**40))
    def arrives(message: Any, number: int) -> None:
        assert decode(encode(message, number)) == (message, number)

    arrives()


@pytest.mark.parametrize("change", [Patch("<diff/>"), Replace("<cib/>"), Replace("<nodes/>", "nodes"),
                                    Edit("create", "<node/>"), Batch((Patch("<diff/>"), Replace("<cib/>")))])
def test_a_change_is_what_it_was_at_the_other_end(change: Any) -> None:
    message, _ = decode(encode(ChangeForward("one-1", change), 1))
    assert isinstance(message, ChangeForward)
    assert message.change == change and type(message.change) is type(change)
