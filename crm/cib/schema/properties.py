"""What each cluster option is for, and what counts while it is not set. Kinds of values are in `options`.

Source: Pacemaker Explained, "Cluster Options"; defaults are those that crmd itself uses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """An option's default (None: there is none) and its purpose. `kept_by_cluster`: people only read it."""

    default: str | None
    description: str
    kept_by_cluster: bool = False


PROPERTIES: dict[str, Property] = {
    "cluster-name": Property(None, "A name for people, and for rules that ask for #cluster-name"),
    "dc-version": Property(None, "The version of the software that leads", kept_by_cluster=True),
    "cluster-infrastructure": Property(None, "The message layer in use", kept_by_cluster=True),
    "last-lrm-refresh": Property(None, "When histories were last forgotten, epoch seconds", kept_by_cluster=True),
    "crmd-revoked-tokens": Property("", "Ids of the tokens that were taken back", kept_by_cluster=True),
    "crmd-issued-tokens": Property("", "Ids, scopes and users of the tokens that were made", kept_by_cluster=True),
    "no-quorum-policy": Property(
        "stop",
        "What becomes of resources in a partition without quorum: stop them, freeze (run on, start nothing new), "
        "ignore, demote what is promoted and stop the rest, or fence the own nodes",
    ),
    "fencing-enabled": Property("true", "Whether nodes that cannot be relied upon are cut off before others take over"),
    "fencing-action": Property("reboot", "What is done to a node that is fenced"),
    "fencing-timeout": Property("60s", "How long a fencing may take"),
    "fencing-max-attempts": Property("10", "After how many failures in a row a fencing is not tried again by itself"),
    "fencing-watchdog-timeout": Property("0", "After that time a lost node has ended itself by its watchdog; 0: never"),
    "fencing-reaction": Property("stop", "What a node does when it learns that it was fenced and still runs"),
    "lease-timeout": Property(
        "5s", "Without fencing: a node whose daemon has not had quorum for that time stops what runs there, and the "
        "others wait for that before they start it; longer than a restart of the daemon takes (at least 1s). 0: neither"
    ),
    "lease-stop-timeout": Property("2s", "How long that stopping may take before what is left is ended by force"),
    "have-watchdog": Property("false", "Whether nodes have a watchdog in use", kept_by_cluster=True),
    "concurrent-fencing": Property("true", "Whether several nodes may be fenced at the same time"),
    "startup-fencing": Property("true", "Whether nodes that were never seen are fenced before anything starts"),
    "priority-fencing-delay": Property(
        "0", "In an even split, how much later the side with the more important resources is fenced"
    ),
    "fence-remote-without-quorum": Property("false", "Whether a partition without quorum may fence remote nodes"),
    "symmetric-cluster": Property("true", "Whether resources may run anywhere unless a constraint forbids it"),
    "maintenance-mode": Property("false", "Leave all resources as they are, and do not watch them"),
    "start-failure-is-fatal": Property("true", "Whether one failed start bans a resource from that node"),
    "enable-startup-probes": Property("true", "Whether a node that joins is asked what runs there already"),
    "stop-all-resources": Property("false", "Stop everything"),
    "stop-removed-resources": Property("true", "Whether resources that were deleted are stopped"),
    "cancel-removed-actions": Property("true", "Whether recurring operations that were deleted are ended"),
    "shutdown-lock": Property("false", "Whether what ran on a node that is shut down waits for its return"),
    "shutdown-lock-limit": Property("0", "How long it waits at most; 0: for ever"),
    "enable-acl": Property("false", "Whether access control lists count; then what no role allows is denied"),
    "placement-strategy": Property(
        "default", "Whether and how the utilization of resources and the capacity of nodes decide about places"
    ),
    "node-health-strategy": Property("none", "What health attributes of nodes (#health…) do to resources there"),
    "node-health-base": Property("0", "With the strategy progressive: the score that health is taken from"),
    "node-health-green": Property("0", "With progressive or custom: what green counts"),
    "node-health-yellow": Property("0", "With progressive or custom: what yellow counts"),
    "node-health-red": Property("-INFINITY", "With progressive or custom: what red counts"),
    "cluster-recheck-interval": Property("15min", "How often the cluster looks for rules and expiries by itself"),
    "cluster-delay": Property("60s", "How long results may be on their way, on top of an operation's own limit"),
    "node-pending-timeout": Property("0", "After that time a node that does not finish joining is fenced; 0: never"),
    "batch-limit": Property("0", "How many operations run in the cluster at once; 0: as many as the load allows"),
    "node-action-limit": Property("0", "How many operations run on a node at once; 0: twice its cores"),
    "migration-limit": Property("-1", "How many live migrations a node takes part in at once; -1: any number"),
    "load-threshold": Property("80%", "The load of a node above which it gets fewer operations"),
    "dc-deadtime": Property("20s", "How long a node that starts waits for others; crmd waits for a majority instead"),
    "election-timeout": Property("2min", "How long an election may take; crmd's own takes less than a second"),
    "shutdown-escalation": Property("20min", "After that time a node that was told to leave does so at once"),
    "join-integration-timeout": Property("3min", "How long a node may take to join"),
    "join-finalization-timeout": Property("30min", "How long joining may take in all"),
    "transition-delay": Property("0", "How long to wait for further changes before planning; crmd waits 0.1 s at most"),
    "pe-error-series-max": Property("-1", "How many inputs of transitions with errors are kept"),
    "pe-warn-series-max": Property("5000", "How many inputs of transitions with warnings are kept"),
    "pe-input-series-max": Property("4000", "How many inputs of other transitions are kept"),
    "cluster-ipc-limit": Property("500", "How many messages may wait for a slow client"),
}
