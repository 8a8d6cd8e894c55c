"""Runs agents on this node: one operation at a time per resource, recurring ones, time limits. Knows no cluster."""

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
