"""SeededAugmentationHook: tells the transform which epoch it is."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmpose_amfac.datasets import SeededAugmentation, every_dataset
from mmpose_amfac.errors import AMFACError


@HOOKS.register_module()
class SeededAugmentationHook(Hook):
    """Set seed and epoch of every ``SeededAugmentation`` in the training data set before each epoch.

    Raises:
        AMFACError: the training pipeline has no ``SeededAugmentation``.
    """

    def before_train_epoch(self, runner) -> None:
        found = [
            transform
            for dataset in every_dataset(runner.train_dataloader.dataset)
            for transform in getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
            if isinstance(transform, SeededAugmentation)
        ]
        if not found:
            raise AMFACError("SeededAugmentationHook needs dict(type='SeededAugmentation') in the training pipeline")
        for transform in found:
            transform.set_state(runner.seed, runner.epoch)

