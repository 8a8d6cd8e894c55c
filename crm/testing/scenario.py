"""The cluster that hunts are run on: a bit of everything whose order, place and number matter, and a way to fence it.

`db` with `app` after it and `web` beside it, a promotable clone, a clone, and a fence device that boots what it cuts.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm.testing.invariants import AllowedBreaks, ThrottleChecker

EXPECTED = AllowedBreaks(
    unique=("db", "app", "web", "lone"),
    promoted=(("state", 1),),
    after=(("db", "app"),),
    beside=(("web", "db"),),
    throttle=ThrottleChecker(per_node=4),
    forgotten=True,
)


def primitive(name: str, agent: str = "Dummy", meta: str = "") -> str:
    """A primitive with monitors and time limits; `meta`: its meta attributes, as XML."""
    roles = (("11s", "Promoted"), ("10s", "Unpromoted")) if agent == "Stateful" else (("10s", "Started"),)
    monitors = "".join(
        f'<op id="{name}-monitor-{every}" name="monitor" interval="{every}" timeout="20s" role="{role}"/>'
        for every, role in roles)
    limits = "".join(f'<op id="{name}-{operation}" name="{operation}" interval="0s" timeout="5s"/>'
                     for operation in ("start", "stop", "promote", "demote"))
    return (f'<primitive id="{name}" class="ocf" provider="crmd" type="{agent}">{meta}<operations>{monitors}'
            f"{limits}</operations></primitive>")


def device(name: str) -> str:
    """A fence device that can cut the power of any node."""
    return (f'<primitive id="{name}" class="stonith" type="fence_demo"><instance_attributes id="{name}-p">'
            f'<nvpair id="{name}-check" name="pcmk_host_check" value="none"/>'
            f'<nvpair id="{name}-delay" name="pcmk_delay_max" value="1s"/></instance_attributes></primitive>')


def options_xml(options: Mapping[str, str]) -> str:
    """A set of cluster options."""
    pairs = "".join(f'<nvpair id="option-{name}" name="{name}" value="{value}"/>' for name, value in options.items())
    return f'<cluster_property_set id="options">{pairs}</cluster_property_set>'


def cib(nodes: int, fencing: bool = True, more: Mapping[str, str] | None = None) -> str:
    """The configuration for that many nodes."""
    preferences = "".join(f'<rsc_location id="promote-{number}" rsc="state-clone"><rule id="promote-{number}-r" '
                          f'role="Promoted" score="{10 * number}"><expression id="promote-{number}-e" '
                          f'attribute="#id" operation="eq" value="{number}"/></rule></rsc_location>'
                          for number in range(1, nodes + 1))
    options = {"fencing-enabled": str(fencing).lower(), "no-quorum-policy": "stop", "fencing-max-attempts": "1000",
               **(more or {})}
    return f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{options_xml(options)}</crm_config>
<rsc_defaults><meta_attributes id="defaults"><nvpair id="default-timeout" name="failure-timeout" value="20s"/>
<nvpair id="default-threshold" name="migration-threshold" value="3"/></meta_attributes></rsc_defaults>
<nodes/><resources>{device("power")}{device("spare")}{primitive("db")}{primitive("app")}{primitive("web")}
{primitive("lone")}
<clone id="state-clone"><meta_attributes id="state-m"><nvpair id="state-m-p" name="promotable" value="true"/>
</meta_attributes>{primitive("state", "Stateful")}</clone>
<clone id="all-clone">{primitive("all")}</clone></resources>
<constraints><rsc_order id="app-after-db" first="db" then="app"/>
<rsc_colocation id="web-with-db" rsc="web" with-rsc="db" score="INFINITY"/>
<rsc_order id="web-after-db" first="db" then="web"/>
{preferences}</constraints></configuration>
<status/></cib>"""
