"""Parameters and multiply-accumulates of models.

    python -m benchmarks.complexity [CONFIG ...] [--out FILE.csv]

Without CONFIG every config of this package. The counting rule is that of the published tables, which call it FLOPs:
one multiply-accumulate (MAC) per weight use in convolutions and linear layers. Normalisation, activations,
element-wise products, pooling and interpolation are not counted.
"""

import argparse
import csv
import io
from pathlib import Path
from typing import NamedTuple

import mmpose_amfac  # noqa: F401  (mends and registers before MMPose is imported)
from mmpose_amfac.files import atomic_path
from mmpose_amfac.paths import mim_root


class Complexity(NamedTuple):
    """Parameters and multiply-accumulates for one picture."""

    params: int
    macs: int


def count(model, input_size) -> Complexity:
    """Count by forward hooks.

    Args:
        model: an MMPose estimator; its ``forward(mode='tensor')`` is run once in evaluation mode.
        input_size: (width, height) pixels.
    """
    import torch
    from torch import nn

    total = 0

    def add(module, inputs, output):
        nonlocal total
        if isinstance(module, nn.Linear):
            total += output.numel() * module.in_features
        else:
            total += output.numel() * module.weight[0].numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear))]
    handles = [layer.register_forward_hook(add) for layer in layers]
    was_training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, 3, input_size[1], input_size[0]), None, mode='tensor')
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return Complexity(sum(p.numel() for p in model.parameters()), total)


def build(path):
    """Network and input size (width, height) of a config file."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    cfg = Config.fromfile(path)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return MODELS.build(cfg.model), cfg.codec.input_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='*')
    parser.add_argument('--out', metavar='FILE.csv', help='write the rows here instead of printing them')
    args = parser.parse_args()
    root = mim_root()
    configs = [Path(c) for c in args.config] or sorted(p for p in (root / 'configs').glob('*/*.py')
                                                       if p.parent.name not in ('_base_', 'deploy'))
    table = io.StringIO()
    rows = csv.writer(table, lineterminator='\n')
    rows.writerow(['config', 'input (height x width)', 'params', 'macs'])
    for path in configs:
        model, (width, height) = build(path)
        rows.writerow([path.stem, f'{height}x{width}', *count(model, (width, height))])
    if args.out:
        with atomic_path(args.out) as part:
            part.write_text(table.getvalue())
    else:
        print(table.getvalue(), end='')


if __name__ == '__main__':
    main()
