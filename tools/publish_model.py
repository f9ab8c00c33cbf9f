"""Turn a training checkpoint into a release: tensors only, half precision, safe to load.

    python tools/publish_model.py work_dirs/NAME/epoch_2.pth amfacpose.pth
    python tools/test.py CONFIG amfacpose.pth --out report.json
    python tools/publish_model.py --card report.json amfacpose.pth
"""

import argparse
import json
from pathlib import Path

import mmpose_amfac  # noqa: F401  (at module level: lets MMEngine load Runner checkpoints)
from mmpose_amfac.errors import AMFACError, one_line_errors


def publish(source, target) -> dict:
    """Write ``{'state_dict': ...}`` and return tensor count and largest rounding error.

    Raises:
        AMFACError: a value that half precision cannot hold.
    """
    import torch

    from mmpose_amfac.apis.weights import read_tensors
    from mmpose_amfac.files import atomic_path

    state = read_tensors(source)
    released, error = {}, 0.0
    for name, value in state.items():
        if name.endswith('num_batches_tracked'):
            continue
        half = value.half() if value.is_floating_point() else value
        if not torch.isfinite(half).all():
            raise AMFACError(f'{source}: {name} holds a value that half precision cannot')
        error = max(error, (half.float() - value.float()).abs().max().item())
        released[name] = half.clone()
    with atomic_path(target) as temporary:
        torch.save(dict(state_dict=released), temporary)
    return dict(tensors=len(released), largest_rounding_error=error)


def write_card(report, weights) -> Path:
    """Write ``WEIGHTS.json``, the figures that travel with the weights, from a report of ``tools/test.py``.

    Raises:
        AMFACError: the report was made with other weights.
    """
    from mmpose_amfac.apis.report import average_precision
    from mmpose_amfac.files import sha256, write_json

    told = json.loads(Path(report).read_text(encoding='utf-8'))
    digest = sha256(weights)
    if told['model']['weights_sha256'] != digest:
        raise AMFACError(f'{report} was made with other weights than {weights}; run tools/test.py again')
    card = Path(weights).with_suffix('.json')
    protocol = told['protocol']
    write_json(card, dict(ap=round(average_precision(told), 4), ap_dataset=Path(protocol['annotations']).stem,
                          boxes=protocol['boxes']['source'], flip_test=protocol['flip_test'],
                          config=told['model']['config'], weights_sha256=digest))
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', help='training checkpoint; with --card a report of tools/test.py')
    parser.add_argument('weights', help='released file')
    parser.add_argument('--card', action='store_true', help='write the card beside the weights')
    args = parser.parse_args()
    print(write_card(args.source, args.weights) if args.card else publish(args.source, args.weights))


if __name__ == '__main__':
    with one_line_errors('publish_model.py'):
        main()
