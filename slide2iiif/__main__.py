"""Run the command line: `python -m slide2iiif`."""

import sys

from slide2iiif.cli import main

sys.exit(main())
