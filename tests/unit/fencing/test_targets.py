"""What a device's parameters say about a target."""

from __future__ import annotations

import pytest

from crm.controller.fencing.targets import Claim, Delay, action_limit, claim, delay_of, host_map, listed_in, port_of
from crm.policy_engine.picture.fence_devices import FenceDevice


def device(**parameters: str) -> FenceDevice:
    return FenceDevice("power", "fence_it", parameters, ("a", "b"))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"pcmk_host_list": "node1,node2"}, Claim.YES),
        ({"pcmk_host_list": "node2; NODE1"}, Claim.YES),
        ({"pcmk_host_list": "node2 node3"}, Claim.NO),
        ({"pcmk_host_map": "node1:7;node2:8"}, Claim.YES),
        ({"pcmk_host_map": "node2:8"}, Claim.NO),
        ({"pcmk_host_check": "static-list"}, Claim.NO),
        ({"pcmk_host_check": "none", "pcmk_host_list": "node9"}, Claim.YES),
        ({"pcmk_host_check": "status"}, Claim.ASK_STATUS),
        ({"pcmk_host_check": "dynamic-list", "pcmk_host_list": "node1"}, Claim.ASK_LIST),
        ({}, Claim.ASK_ANY),
    ],
)
def test_who_can_be_fenced_is_known_or_asked(parameters: dict[str, str], expected: Claim) -> None:
    assert claim(device(**parameters), "node1") is expected


def test_a_host_map_may_hold_several_ports_and_escapes() -> None:
    assert host_map("node1:1;node2:2,3") == {"node1": "1", "node2": "2,3"}
    assert host_map(r"node1:plug\ 1 node2=b") == {"node1": "plug 1", "node2": "b"}
    assert port_of(device(pcmk_host_map="node1:17"), "NODE1") == "17"
    assert port_of(device(), "node1") == "node1"


def test_a_list_holds_names_and_aliases_a_line_each() -> None:
    assert listed_in("1,node1,on\n2,node2\n", "node2")
    assert not listed_in("1,node11\n", "node1")


@pytest.mark.parametrize(
    ("parameters", "requested", "expected"),
    [
        ({}, 0, Delay()),
        ({}, 5, Delay(5000)),
        ({"pcmk_delay_base": "2s"}, 1, Delay(3000)),
        ({"pcmk_delay_max": "4s"}, 0, Delay(0, 4000)),
        ({"pcmk_delay_base": "1s", "pcmk_delay_max": "4s"}, 0, Delay(1000, 3000)),
        ({"pcmk_delay_base": "9s", "pcmk_delay_max": "4s"}, 0, Delay(4000, 0)),
        ({"pcmk_delay_base": "node1:1s;node2:3s"}, 0, Delay(1000)),
        ({"pcmk_delay_base": "node2:3s"}, 0, Delay()),
    ],
)
def test_delays_add_up_and_chance_stays_below_the_maximum(
    parameters: dict[str, str], requested: int, expected: Delay
) -> None:
    assert delay_of(device(**parameters), "node1", requested) == expected


def test_a_device_takes_one_action_at_a_time_unless_it_says_otherwise() -> None:
    assert action_limit(device()) == 1
    assert action_limit(device(pcmk_action_limit="3")) == 3
    assert action_limit(device(pcmk_action_limit="-1")) is None
