"""Runs agents on this node: one operation at a time per resource, recurring ones, time limits. Knows no cluster.

    systemd            units of systemd as resources: one connection to its bus, jobs awaited by signal, drop-ins for
                       what is started
    agent_files        where an agent's file is
    agent_suitability  whether a resource asks of its agent what the agent knows
    alert_agents       runs alert agents: one after the other for each agent and recipient, so that they hear events in
                       their order
    classes            the classes of agents that this node can run, by the name that stands in a CIB. To add one
    environment        the environment that an OCF agent gets
    executor           the executor of one node: runs the operations it is given, in order for each resource, and
                       reports how they went
    executor_settings  where the executor finds agents and what it grants them
    fence_agents       runs fence agents: where they are, what they are given on standard input, what their exit codes
                       mean
    last_starts        what each resource of this node was last started with: its agent and its parameters
    lsb                the class `lsb`: init scripts
    metadata           what an agent says about itself
    ocf                the class `ocf`: agents that are programs under an OCF root
    operation          what the executor is asked and what it answers: plain data, meant to be sent and stored
    operation_limits   how many operations run at once on a node
    outcomes           results of operations, timed; and results of those that could not be carried out
    process            one process: started in a group of its own, watched, bounded in time and output, reaped
    runner             runs one operation of one program, once, and says how it went
    services           the class `service`: whichever this node has, an init script or a unit of systemd; asked anew for
                       every operation
    stonith_class      the class `stonith`: fence devices of this node
    stop_orders        keeps a stop order for each resource that was started here, for the keeper (see `crm.keeper`)
    tools              the commands that agents call by name
"""

from crm.executor.alert_agents import AlertRequest
from crm.executor.executor import Executor
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, RecurringKey, Status

__all__ = [
    "AgentMetadata",
    "AlertRequest",
    "Executor",
    "ExecutorSettings",
    "ExitCode",
    "FenceOutcome",
    "FenceRequest",
    "OperationRequest",
    "OperationResult",
    "RecurringKey",
    "Status",
]
