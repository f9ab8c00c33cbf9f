"""What tests of benchmarks share."""

import sys
from pathlib import Path

# pytest imports each test by its path, so modules beside them are found only from here
sys.path.append(str(Path(__file__).parent))
