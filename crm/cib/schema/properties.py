"""What each cluster option is for, and what counts while it is not set. Kinds of values are in `option_kinds`.

Source: Pacemaker Explained, "Cluster Options"; defaults are those that crmd itself uses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterProperty:
    """An option's default (None: there is none) and its purpose. `kept_by_cluster`: people only read it."""

    default: str | None
    description: str
    kept_by_cluster: bool = False


PROPERTIES: dict[str, ClusterProperty] = {
    "cluster-name": ClusterProperty(None, "A name for people, and for rules that ask for #cluster-name"),
    "dc-version": ClusterProperty(None, "The version of the software that leads", kept_by_cluster=True),
    "cluster-infrastructure": ClusterProperty(None, "The message layer in use", kept_by_cluster=True),
    "last-lrm-refresh": ClusterProperty(None, "When histories were last forgotten, epoch seconds",
                                        kept_by_cluster=True),
    "crmd-revoked-tokens": ClusterProperty("", "Ids of the tokens that were taken back", kept_by_cluster=True),
    "crmd-issued-tokens": ClusterProperty("", "Ids, scopes and users of the tokens that were made",
                                          kept_by_cluster=True),
    "no-quorum-policy": ClusterProperty(
        "stop",
        "What becomes of resources in a partition without quorum: stop them, freeze (run on, start nothing new), "
        "ignore, demote what is promoted and stop the rest, or fence the own nodes",
    ),
    "fencing-enabled": ClusterProperty(
        "true", "Whether nodes that cannot be relied upon are cut off before others take over"),
    "fencing-action": ClusterProperty("reboot", "What is done to a node that is fenced"),
    "fencing-timeout": ClusterProperty("60s", "How long a fencing may take"),
    "fencing-max-attempts": ClusterProperty(
        "10", "After how many failures in a row a fencing is not tried again by itself"),
    "fencing-watchdog-timeout": ClusterProperty(
        "0", "After that time a lost node has ended itself by its watchdog; 0: never"),
    "fencing-reaction": ClusterProperty("stop", "What a node does when it learns that it was fenced and still runs"),
    "lease-timeout": ClusterProperty(
        "5s", "Without fencing: a node whose daemon has not had quorum for that time stops what runs there, and the "
        "others wait for that before they start it; longer than a restart of the daemon takes (at least 1s). 0: neither"
    ),
    "lease-stop-timeout": ClusterProperty(
        "2s", "How long that stopping may take before what is left is ended by force"),
    "have-watchdog": ClusterProperty("false", "Whether nodes have a watchdog in use", kept_by_cluster=True),
    "concurrent-fencing": ClusterProperty("true", "Whether several nodes may be fenced at the same time"),
    "startup-fencing": ClusterProperty("true", "Whether nodes that were never seen are fenced before anything starts"),
    "priority-fencing-delay": ClusterProperty(
        "0", "In an even split, how much later the side with the more important resources is fenced"
    ),
    "fence-remote-without-quorum": ClusterProperty(
        "false", "Whether a partition without quorum may fence remote nodes"),
    "symmetric-cluster": ClusterProperty("true", "Whether resources may run anywhere unless a constraint forbids it"),
    "maintenance-mode": ClusterProperty("false", "Leave all resources as they are, and do not watch them"),
    "start-failure-is-fatal": ClusterProperty("true", "Whether one failed start bans a resource from that node"),
    "enable-startup-probes": ClusterProperty("true", "Whether a node that joins is asked what runs there already"),
    "stop-all-resources": ClusterProperty("false", "Stop everything"),
    "stop-removed-resources": ClusterProperty("true", "Whether resources that were deleted are stopped"),
    "cancel-removed-actions": ClusterProperty("true", "Whether recurring operations that were deleted are ended"),
    "shutdown-lock": ClusterProperty("false", "Whether what ran on a node that is shut down waits for its return"),
    "shutdown-lock-limit": ClusterProperty("0", "How long it waits at most; 0: for ever"),
    "enable-acl": ClusterProperty("false", "Whether access control lists count; then what no role allows is denied"),
    "placement-strategy": ClusterProperty(
        "default", "Whether and how the utilization of resources and the capacity of nodes decide about places"
    ),
    "node-health-strategy": ClusterProperty("none", "What health attributes of nodes (#health…) do to resources there"),
    "node-health-base": ClusterProperty("0", "With the strategy progressive: the score that health is taken from"),
    "node-health-green": ClusterProperty("0", "With progressive or custom: what green counts"),
    "node-health-yellow": ClusterProperty("0", "With progressive or custom: what yellow counts"),
    "node-health-red": ClusterProperty("-INFINITY", "With progressive or custom: what red counts"),
    "cluster-recheck-interval": ClusterProperty(
        "15min", "How often the cluster looks for rules and expiries by itself"),
    "cluster-delay": ClusterProperty("60s", "How long results may be on their way, on top of an operation's own limit"),
    "node-pending-timeout": ClusterProperty(
        "0", "After that time a node that does not finish joining is fenced; 0: never"),
    "batch-limit": ClusterProperty(
        "0", "How many operations run in the cluster at once; 0: as many as the load allows"),
    "node-action-limit": ClusterProperty("0", "How many operations run on a node at once; 0: twice its cores"),
    "migration-limit": ClusterProperty("-1", "How many live migrations a node takes part in at once; -1: any number"),
    "load-threshold": ClusterProperty("80%", "The load of a node above which it gets fewer operations"),
    "dc-deadtime": ClusterProperty(
        "20s", "How long a node that starts waits for others; crmd waits for a majority instead"),
    "election-timeout": ClusterProperty("2min", "How long an election may take; crmd's own takes less than a second"),
    "shutdown-escalation": ClusterProperty("20min", "After that time a node that was told to leave does so at once"),
    "join-integration-timeout": ClusterProperty("3min", "How long a node may take to join"),
    "join-finalization-timeout": ClusterProperty("30min", "How long joining may take in all"),
    "transition-delay": ClusterProperty(
        "0", "How long to wait for further changes before planning; crmd waits 0.1 s at most"),
    "pe-error-series-max": ClusterProperty("-1", "How many inputs of transitions with errors are kept"),
    "pe-warn-series-max": ClusterProperty("5000", "How many inputs of transitions with warnings are kept"),
    "pe-input-series-max": ClusterProperty("4000", "How many inputs of other transitions are kept"),
    "cluster-ipc-limit": ClusterProperty("500", "How many messages may wait for a slow client"),
}
