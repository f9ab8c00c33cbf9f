"""MMPose's own ``demo/inferencer_demo.py`` with our models known to it: ``--pose2d amfacpose``."""

import importlib.util
import runpy
from pathlib import Path

import mmpose_amfac  # noqa: F401  (at module level, for workers started by spawn import this file)


def main():
    package = Path(importlib.util.find_spec('mmpose').origin).parent
    # an editable MMPose keeps its demo beside the package
    demos = [folder / 'demo' / 'inferencer_demo.py' for folder in (package / '.mim', package.parent)]
    runpy.run_path(str(next(filter(Path.is_file, demos), demos[0])), run_name='__main__')


if __name__ == '__main__':
    main()
