"""SeededAugmentationHook: tells the transform which epoch it is."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmpose_amfac.datasets import SeededAugmentation
from mmpose_amfac.errors import AMFACError


@HOOKS.register_module()
class SeededAugmentationHook(Hook):
    """Set seed and epoch of every ``SeededAugmentation`` in the training data set before each epoch.

    Raises:
        AMFACError: the training pipeline has no ``SeededAugmentation``.
    """

    def before_train_epoch(self, runner) -> None:
        found = list(_seeders(runner.train_dataloader.dataset))
        if not found:
            raise AMFACError("SeededAugmentationHook needs dict(type='SeededAugmentation') in the training pipeline")
        for transform in found:
            transform.set_state(runner.seed, runner.epoch)


def _seeders(dataset):
    for transform in dataset.pipeline.transforms:
        if isinstance(transform, SeededAugmentation):
            yield transform
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for child in inner:
        if child is not None:
            yield from _seeders(child)
