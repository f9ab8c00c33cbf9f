"""``python -m mmpose_amfac`` is the command ``amfacpose``."""

import sys

from mmpose_amfac.cli.main import main

sys.exit(main())
