"""Make a start for a deeper AMFACPose out of the weights of a shallower one.

    python tools/deepen_checkpoint.py mmpose_amfac/weights/amfacpose_r18_128x96.pth r34.pth --depth 34
    python tools/train.py CONFIG_OF_THE_R18 --cfg-options load_from=r34.pth model.backbone.depth=34
"""

import argparse

import mmpose_amfac  # noqa: F401  (at module level: lets MMEngine load Runner checkpoints)
from mmpose_amfac.errors import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='checkpoint of the shallower network')
    parser.add_argument('target', help='checkpoint to train from')
    parser.add_argument('--depth', type=int, default=34, help='of the deeper network (default: 34)')
    args = parser.parse_args()
    import torch

    from mmpose_amfac.apis.weights import read_tensors
    from mmpose_amfac.files import atomic_path
    from mmpose_amfac.models.backbones.deepen import deepen

    state = deepen(read_tensors(args.source), args.depth)
    with atomic_path(args.target) as temporary:
        torch.save(dict(state_dict=state), temporary)
    print(f'{args.target}: {len(state)} tensors')


if __name__ == '__main__':
    with one_line_errors('deepen_checkpoint.py'):
        main()
