"""Our models by name or alias, read from ``model-index.yml`` and the metafiles that it imports."""

from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import yaml

from mmpose_amfac import paths
from mmpose_amfac.errors import AMFACError


class Model(NamedTuple):
    """One entry of a metafile; ``weights`` is a local path, an address or None while nothing is published."""

    name: str
    aliases: tuple[str, ...]
    config: Path
    weights: Path | str | None
    entry: dict

    @property
    def alias(self) -> str:
        """What a user would type for it."""
        return self.aliases[0] if self.aliases else self.name


def models() -> list[Model]:
    """Every model of ours, in the order of the metafiles; none where no ``model-index.yml`` lies."""
    root = paths.mim_root()
    index = root / 'model-index.yml'
    if not index.is_file():
        return []
    metafiles = [root / name for name in _read(index).get('Import') or ()]
    return [_model(entry, root) for metafile in metafiles for entry in _read(metafile).get('Models') or ()]


def find(name: str) -> Model:
    """The model of this name or alias, in whatever case; an unknown one is an error that lists those known."""
    known = {}
    for model in models():
        for key in (*model.aliases, model.name):
            known.setdefault(key.lower(), model)
    try:
        return known[name.lower()]
    except KeyError:
        files = '; or give a config (.py) or, to predict, an exported .onnx, .xml or .engine file'
        raise AMFACError(f'unknown model {name!r}; known: {", ".join(nearest(name))}'
                         f'{files if Path(name).suffix else ""}') from None


def nearest(name: str) -> list[str]:
    """Our aliases, the most similar to ``name`` first."""
    aliases = {alias.lower(): alias for model in models() for alias in model.aliases}
    close = get_close_matches(name.lower(), aliases, n=max(len(aliases), 1), cutoff=0.0)
    return [aliases[key] for key in close] or ['none (model-index.yml lists no aliases)']


def no_weights(model: Model) -> str:
    """What to tell someone who wants the weights of a model that has none."""
    return (
        f'{model.alias!r} has no published weights yet; train it with `mim train mmpose_amfac {model.config.name}` '
        f'(config {model.config}) or give your own weights: --weights FILE.pth'
    )


def _read(file: Path) -> dict:
    with open(file, encoding='utf-8') as stream:
        return yaml.safe_load(stream) or {}


def _model(entry: dict, root: Path) -> Model:
    aliases = entry.get('Alias') or ()
    aliases = (aliases,) if isinstance(aliases, str) else tuple(aliases)
    return Model(entry['Name'], aliases, root / entry['Config'], _weights(entry.get('Weights')), entry)


def _weights(value) -> Path | str | None:
    if not value or '://' in value:
        return value or None
    # metafiles name packaged weights by their path in the repository; an installed package has them elsewhere
    return paths.WEIGHTS / Path(value).name
