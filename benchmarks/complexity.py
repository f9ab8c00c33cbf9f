"""Parameters and multiply-accumulates of a model.

    python -m benchmarks.complexity CONFIG [CONFIG ...]

The counting rule is that of the published tables, which call it FLOPs: one multiply-accumulate (MAC) per weight use
in convolutions and linear layers. Normalisation, activations, element-wise products, pooling and interpolation are
not counted.
"""

import argparse
from typing import NamedTuple

import mmpose_amfac  # noqa: F401  (mends and registers before MMPose is imported)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='+')
    args = parser.parse_args()
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    print(f'{"M params":>10} {"G MACs":>8}  config')
    for path in args.config:
        cfg = Config.fromfile(path)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        params, macs = count(MODELS.build(cfg.model), cfg.codec.input_size)
        print(f'{params / 1e6:10.3f} {macs / 1e9:8.3f}  {path}')


if __name__ == '__main__':
    main()
