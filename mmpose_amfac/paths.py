"""Where configs, tools and weights lie in a source checkout and in an installed package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
WEIGHTS = PACKAGE / 'weights'


def mim_root() -> Path:
    """The folder that holds ``configs``, ``tools`` and ``model-index.yml``.

    In a checkout that is the repository, elsewhere the package's ``.mim``.
    """
    checkout = PACKAGE.parent
    if (checkout / 'model-index.yml').is_file() and (checkout / 'configs').is_dir():
        return checkout
    return PACKAGE / '.mim'
