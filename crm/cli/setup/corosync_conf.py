"""A corosync.conf with sane values, and the reasons beside them."""

from __future__ import annotations

from collections.abc import Sequence

TOKEN_MS = 1000

_CONF = """# Written by crmctl cluster init; the same file on every node. See corosync.conf(5).
totem {{
    version: 2
    cluster_name: {cluster}
    transport: knet
    # Without these two, whoever reaches the port may join, and read everything.
    crypto_cipher: {cipher}
    crypto_hash: {hash}
    # A node that is silent for so many milliseconds is lost. Less than 300 invites false alarms on busy machines; the
    # default of 3000 makes every failover wait for it. Then the others agree on who is left (consensus).
    token: {token_ms}
    # By default corosync adds 650 ms for each node beyond the second, without a word. Here token means what it says.
    token_coefficient: 0
    # Must be at least 1.2 times the token; it is what a new membership may take to settle.
    consensus: {consensus_ms}
    # A node that boots waits so long for others before it forms a ring of its own. 50 is the default.
    join: 50
}}

quorum {{
    # Who may decide: crmd refuses to run without this.
    provider: corosync_votequorum
{quorum}}}

logging {{
    to_syslog: {to_syslog}
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    timestamp: hires
}}

nodelist {{
{nodes}}}
"""
_NODE = """    node {{
        name: {name}
        nodeid: {node_id}
        ring0_addr: {address}
    }}
"""
_TWO_NODE = """    # One of two is enough, once both have been seen (wait_for_all follows from it).
    # Have fencing: without it a cut between them makes both run everything.
    two_node: 1
"""


def corosync_conf(cluster: str, nodes: Sequence[tuple[str, str, str]], token_ms: int = TOKEN_MS,
                  encrypted: bool = True, to_syslog: bool = True) -> str:
    """The file for these nodes: (name, corosync node id, address)."""
    listed = "".join(_NODE.format(name=name, node_id=node_id, address=address) for name, node_id, address in nodes)
    return _CONF.format(
        cluster=cluster, cipher="aes256" if encrypted else "none", hash="sha256" if encrypted else "none",
        token_ms=token_ms, consensus_ms=token_ms * 12 // 10, quorum=_TWO_NODE if len(nodes) == 2 else "",
        to_syslog="yes" if to_syslog else "no", nodes=listed)
