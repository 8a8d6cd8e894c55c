"""All services in all troubles: `python -m tests.system.services [SERVICE …] [--trouble TROUBLE …]`. Needs root."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest

from tests.system.services.selection import SERVICES, SERVICES_VARIABLE, TROUBLES_VARIABLE
from tests.system.services.troubles import TROUBLES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.services", description=__doc__)
    parser.add_argument("service", nargs="*", choices=[*SERVICES, []], help=", ".join(SERVICES))
    parser.add_argument("--trouble", nargs="+", choices=list(TROUBLES), default=[])
    options = parser.parse_args()
    os.environ[SERVICES_VARIABLE] = ",".join(options.service) or "all"
    os.environ[TROUBLES_VARIABLE] = ",".join(options.trouble) or "all"
    return int(pytest.main(["-v", "-rfs", "--tb=short", str(Path(__file__).with_name("test_services.py"))]))


if __name__ == "__main__":
    sys.exit(main())
