"""The systems of the comparison: MMPose's models, ours, person detectors, and those of which only figures are known.

    python -m benchmarks.zoo [WORD ...]

lists those whose name or title has every word.

``facts/published.csv`` has a row for each: what its authors or MMPose published, with the source, and for those that
can be built the config and the address of the weights.
"""

import argparse
import csv
import hashlib
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path

import mmpose_amfac  # noqa: F401  (mends and registers before MMPose is imported)
from mmpose_amfac.apis.downloads import fetch, verify
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.paths import mim_root

HERE = Path(__file__).parent
PUBLISHED = HERE / 'facts/published.csv'
# heads that need operators which only a compiled mmcv has
COMPILED = {'DEKRHead': 'DeformConv2d'}


@dataclass(frozen=True)
class System:
    """One row.

    Attributes:
        name: unique; the stem of the config where there is one.
        system: what people call it.
        paradigm: ``td-heatmap``, ``td-simcc``, ``td-regression``, ``bottom-up``, ``one-stage``, ``detector`` or ''.
        dataset: what the published figures were measured on.
        train_data: what it was trained on.
        input_size: (width, height) pixels; None where it is not known.
        source: ``''`` for figures without a model, else where the config is: ``mmpose``, ``mmdet``, ``ours`` or
            ``benchmarks``; ``file`` for a config of the caller.
        path: of the config below that place.
        checkpoint_url: address of the weights, or ''.
        published: all columns of the table, text.
    """

    name: str
    system: str
    paradigm: str
    dataset: str
    train_data: str
    input_size: tuple[int, int] | None
    source: str
    path: str
    checkpoint_url: str
    published: dict

    @property
    def family(self) -> str:
        """First folder of the config: models of a family share a head and a decoder."""
        return self.path.partition('/')[0] if self.source == 'mmpose' else self.source

    @cached_property
    def needs_operators(self) -> str:
        """The operator of a compiled mmcv that a run needs, or ''."""
        return COMPILED.get((load_config(self).model.get('head') or {}).get('type'), '') if self.source else ''


@cache
def systems() -> dict[str, System]:
    """Name -> system, in the order of the table."""
    found = {}
    with open(PUBLISHED, newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            source, _, path = row['config'].rpartition('::')
            size = (int(row['input_w']), int(row['input_h'])) if row['input_h'] else None
            found[row['name']] = System(
                row['name'], row['system'], row['paradigm'], row['dataset'], row['train_data'], size,
                source or ('mmpose' if path else ''), path, row['checkpoint_url'], row)
    return found


def find(name: str) -> System:
    """The system of this name.

    Raises:
        AMFACError: there is none; the nearest names are told.
    """
    known = systems()
    if name not in known:
        near = ', '.join(get_close_matches(name, known, n=3, cutoff=0.3))
        raise AMFACError(f'model {name!r} is not known; nearest: {near} (python -m benchmarks.zoo lists all)')
    return known[name]


def config_file(system: System) -> Path:
    """Where the config lies.

    Raises:
        AMFACError: only figures are known of the system.
    """
    if not system.source:
        raise AMFACError(f'{system.name}: only published figures are known, there is no model to build')
    if system.source == 'file':
        return Path(system.path)
    if system.source == 'ours':
        return mim_root() / 'configs' / system.path
    if system.source == 'benchmarks':
        return HERE / 'configs' / system.path
    if system.source == 'mmdet':
        import mmdet
        return Path(mmdet.__file__).parent / '.mim/configs' / system.path
    import mmpose
    root = Path(mmpose.__file__).parent / '.mim'
    return root / system.path if system.path.startswith('demo/') else root / 'configs/body_2d_keypoint' / system.path


def of_config(path) -> System:
    """A config that is not in the table, as a system; its input size is that of its codec.

    Raises:
        AMFACError: no such file, or a config without ``codec.input_size``.
    """
    from mmengine.config import Config
    path = Path(path)
    if not path.is_file():
        raise AMFACError(f'config {path} does not exist')
    codec = Config.fromfile(path).get('codec') or {}
    # networks of several stages have one for each, all of the same size
    size = (codec[-1] if isinstance(codec, (list, tuple)) else codec).get('input_size')
    if size is None:
        raise AMFACError(f'{path} has no codec.input_size')
    return System(path.stem, path.stem, '', '', '', tuple(size), 'file', str(path), '', {})


def load_config(system: System):
    """Its config, without the weights that training would start from: they would be fetched."""
    from mmengine.config import Config
    cfg = Config.fromfile(config_file(system))
    _drop_pretrained(cfg.model)
    return cfg


def config_digest(system: System) -> str:
    """sha256 of its config with all that it inherits: another one is another system, whatever its name."""
    from mmengine.config import Config
    return digest_of(Config.fromfile(config_file(system)))


def digest_of(cfg) -> str:
    """sha256 of a whole config."""
    return hashlib.sha256(json.dumps(cfg.to_dict(), sort_keys=True, default=str).encode()).hexdigest()


def _drop_pretrained(node) -> None:
    if isinstance(node, dict):
        start = node.get('init_cfg')
        if isinstance(start, dict) and 'checkpoint' in start:
            node['init_cfg'] = None
        for value in node.values():
            _drop_pretrained(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _drop_pretrained(value)


def build(system: System, cfg=None):
    """The network with random weights, in evaluation mode.

    Within ``torch.device('meta')`` it takes neither memory nor time.
    """
    from mmengine.registry import DefaultScope, init_default_scope
    from mmpose.registry import MODELS
    cfg = cfg or load_config(system)
    if system.paradigm == 'detector':
        from mmdet.registry import MODELS
    init_default_scope('mmpose')
    with DefaultScope.overwrite_default_scope(MODELS.scope):
        if 'mmpretrain.' in str(cfg.model):
            import mmpretrain.models  # noqa: F401  (registers; MMEngine looks in no package that it does not know)
        with _numbers_on_the_cpu():
            return MODELS.build(cfg.model).eval()


@contextmanager
def _numbers_on_the_cpu():
    """Swin and HRFormer read their rates of drop path from ``torch.linspace``, which a meta tensor does not tell."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Numbers(TorchFunctionMode):

        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if function is torch.linspace:
                kwargs = {**kwargs, 'device': 'cpu'}
            return function(*args, **kwargs)

    with Numbers():
        yield


def weights(system: System, folder=None, offline: bool = False) -> Path:
    """Its published weights: in ``folder`` under their published name, in the cache, or fetched from their address.

    Raises:
        AMFACError: they have no address, or are in none of these places.
    """
    if not system.checkpoint_url:
        raise AMFACError(f'{system.name} has no published weights')
    name = system.checkpoint_url.rsplit('/', 1)[-1]
    if folder is not None and (Path(folder) / name).is_file():
        verify(Path(folder) / name, name, 'put the published one there, or name yours with --checkpoint')
        return Path(folder) / name
    return fetch(system.checkpoint_url, f'or put {name} into the folder of --weights', offline)


def main(argv=None) -> int:
    """List systems."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('words', nargs='*', metavar='WORD')
    args = parser.parse_args(argv)
    chosen = [s for s in systems().values()
              if all(word.lower() in f'{s.name} {s.system} {s.paradigm}'.lower() for word in args.words)]
    if not chosen:
        raise AMFACError(f'no system has {" and ".join(map(repr, args.words))} in its name')
    print(f'{"name":62s} {"paradigm":14s} {"input":>9s} {"M":>7s} {"G":>7s} {"AP":>5s}  published for')
    for s in chosen:
        size = f'{s.input_size[1]}x{s.input_size[0]}' if s.input_size else ''
        published = s.published
        print(f'{s.name:62s} {s.paradigm:14s} {size:>9s} {published["params_m"]:>7s} {published["gmacs"]:>7s} '
              f'{published["ap"]:>5s}  {s.dataset}{"" if s.source else ", figures only"}')
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.zoo'):
        sys.exit(main())
