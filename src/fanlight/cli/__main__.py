"""`python -m fanlight.cli`, where the program is not on the path."""

import sys

from fanlight.cli.main import main

sys.exit(main())
