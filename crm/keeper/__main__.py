"""`python -m crm.keeper FOLDER [reset] [realtime]`: for `crm.cli.daemon.supervisor`, not for people."""

from __future__ import annotations

import sys
from pathlib import Path

from crm.keeper.keeper import KeeperSetup, keep

if __name__ == "__main__":
    sys.exit(keep(KeeperSetup(Path(sys.argv[1]), resets="reset" in sys.argv[2:], realtime="realtime" in sys.argv[2:])))
