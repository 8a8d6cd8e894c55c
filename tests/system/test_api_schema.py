"""Schemathesis against a real cluster of three: whatever fits the schema, or just not, is answered as the schema says.

Bounded in time; CRMD_SCHEMA_EXAMPLES raises the number of requests for each operation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from crm.cli.connection import CommandError
from tests.system.cluster import RealCluster, running

schemathesis = pytest.importorskip("schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES = int(os.environ.get("CRMD_SCHEMA_EXAMPLES", "12"))
ENDLESS = "/v1/events"
CALL_LIMIT_S = 40


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def schema(cluster: RealCluster) -> Any:
    port = cluster.machines.layout.nodes[0].api_port
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


def _operations(schema: Any) -> list[Any]:
    found = [result.ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.path != ENDLESS]


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_whatever_is_asked_is_answered_as_the_schema_says(cluster: RealCluster, schema: Any, mode: str) -> None:
    wrong: list[str] = []
    for operation in _operations(schema):
        try:
            _try(operation, mode)
        except Unsatisfiable:
            continue  # nothing can be wrong with a request that has no parameters
        except (Exception, BaseExceptionGroup) as error:
            wrong.append(f"{operation.label}: {type(error).__name__} {error}")
    assert not wrong, "\n\n".join(text[:1500] for text in wrong)
    _is_undisturbed(cluster)


def _try(operation: Any, mode: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def ask(case: Any) -> None:
        answer = case.call(timeout=CALL_LIMIT_S)
        # The cluster may be unable to (502, 503, 504); a mistake of the code it must not be.
        assert answer.status_code != 500 and "Traceback" not in answer.text, answer.text
        case.validate_response(answer, checks=[
            checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance])

    ask()


def _is_undisturbed(cluster: RealCluster) -> None:
    value = cluster.value()
    assert value is not None and len(value["members"]) == 3
    for node in cluster.machines.layout.nodes:
        log = node.log.read_text()
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
    try:
        cluster.ask("node1", "GET", "/v1/health/quorate")
    except CommandError as error:
        raise AssertionError("the cluster is not what it was") from error
