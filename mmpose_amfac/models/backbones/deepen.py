"""deepen: a start for a deeper network from the weights of a shallower one."""

import re

import torch

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models.backbones.amfac_resnet import BLOCKS

BLOCK = re.compile(r'backbone\.stages\.(\d+)\.(\d+)\.(.+)')


def deepen(state: dict, depth: int) -> dict:
    """The tensors of an :class:`AMFACResNet` of ``depth`` that begins near what a shallower one does.

    Each stage keeps its blocks; those that it lacks are copies of its last one whose residual branch is silent (the
    batch norm that ends it has weight and bias 0), so that only their activation acts, and with
    ``scrm_place='after_add'`` their SCRM. Neck and head stay.

    Args:
        state: name -> tensor of a whole model; it stays as it is.
        depth: 18 or 34.

    Raises:
        AMFACError: a depth that does not exist, a model without these stages, or one that is as deep already.
    """
    if depth not in BLOCKS:
        raise AMFACError(f'depth={depth} must be one of {", ".join(map(str, BLOCKS))}')
    blocks = {}
    for name, value in state.items():
        if match := BLOCK.fullmatch(name):
            stage, block, rest = match.groups()
            blocks.setdefault(int(stage), {}).setdefault(int(block), {})[rest] = value
    have = tuple(len(blocks.get(stage, ())) for stage in range(len(BLOCKS[depth])))
    if have not in BLOCKS.values():
        raise AMFACError(f'the weights have {have} blocks in backbone.stages; known: '
                         f'{", ".join(f"{known} (depth {name})" for name, known in BLOCKS.items())}')
    if not all(old <= new for old, new in zip(have, BLOCKS[depth])) or have == BLOCKS[depth]:
        raise AMFACError(f'the weights have {have} blocks, depth {depth} has {BLOCKS[depth]}: nothing to add')
    deeper = dict(state)
    for stage, (old, new) in enumerate(zip(have, BLOCKS[depth])):
        for block in range(old, new):
            for rest, value in blocks[stage][old - 1].items():
                silent = rest in ('conv2.norm.weight', 'conv2.norm.bias')
                deeper[f'backbone.stages.{stage}.{block}.{rest}'] = torch.zeros_like(value) if silent else value.clone()
    return deeper
