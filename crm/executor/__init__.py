"""Runs agents on this node: one operation at a time per resource, recurring ones, time limits. Knows no cluster."""

from crm.executor.alerts import AlertRequest
from crm.executor.executor import Executor
from crm.executor.fence_agents import FenceOutcome, FenceRequest
from crm.executor.metadata import Metadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, RecurringKey, Status
from crm.executor.settings import ExecutorSettings

__all__ = [
    "AlertRequest",
    "Executor",
    "ExecutorSettings",
    "ExitCode",
    "FenceOutcome",
    "FenceRequest",
    "Metadata",
    "OperationRequest",
    "OperationResult",
    "RecurringKey",
    "Status",
]
