"""Lets MMPose find the skeleton of a config whose data set wraps others (ConcatDataset, RepeatDataset, PackedCrops).

MMPose asks the outermost data set alone for its ``metainfo`` and, where that has none, warns and takes COCO's joints,
whatever the network has. No upstream report is known.
"""

from mmengine.config import ConfigDict

from mmpose_amfac.compat.wrapping import wrap_once


def apply(inference) -> None:
    """Give ``dataset_meta_from_config`` the first inner data set that tells its skeleton."""
    wrap_once(inference, 'dataset_meta_from_config', _look_inside)


def _look_inside(wrapped, instance, args, kwargs):
    found = wrapped(*args, **kwargs)
    return _of_inner(wrapped, *args, **kwargs) if found is None else found


def _of_inner(find, config, dataset_mode='train'):
    loader = f'{dataset_mode}_dataloader'
    dataset = config.get(loader, {}).get('dataset', {})
    for inner in dataset.get('datasets') or [dataset.get('dataset')]:
        if inner is not None:
            one = ConfigDict({loader: dict(dataset=inner)})
            found = find(one, dataset_mode) or _of_inner(find, one, dataset_mode)
            if found is not None:
                return found
    return None
