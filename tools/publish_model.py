"""Turn a training checkpoint into a release: tensors only, half precision, safe to load.

    python tools/publish_model.py work_dirs/NAME/epoch_2.pth amfacpose.pth
"""

import argparse

import mmpose_amfac  # noqa: F401  (at module level: lets MMEngine load Runner checkpoints)


def publish(source, target) -> dict:
    """Write ``{'state_dict': ...}`` and return tensor count and largest rounding error.

    The EMA weights are taken where the run had them (MMEngine stores them as ``state_dict``).

    Raises:
        AMFACError: a value that half precision cannot hold.
    """
    import torch
    from mmengine.runner.checkpoint import CheckpointLoader

    from mmpose_amfac.errors import AMFACError
    from mmpose_amfac.files import atomic_path

    state = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')['state_dict']
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('out')
    args = parser.parse_args()
    print(publish(args.checkpoint, args.out))


if __name__ == '__main__':
    main()
