"""`python -m crm.cli.demo`."""

import sys

from crm.cli.demo import main

sys.exit(main())
