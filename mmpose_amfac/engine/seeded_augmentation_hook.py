"""SeededAugmentationHook: tells augmentation which epoch it is."""

import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmpose_amfac.datasets import SeededAugmentation, every_dataset
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.models.data_preprocessors import CropAugment


@HOOKS.register_module()
class SeededAugmentationHook(Hook):
    """Set seed and epoch of every ``SeededAugmentation`` and ``CropAugment`` before each epoch.

    Raises:
        AMFACError: neither the training pipeline nor the data preprocessor has one, or a step of the preprocessor's
            ``batch_augments`` has another mean or std than the preprocessor.
    """

    def before_train_epoch(self, runner) -> None:
        preprocessor = getattr(getattr(runner.model, 'module', runner.model), 'data_preprocessor', None)
        places = [getattr(preprocessor, 'batch_augments', None) or ()]
        places += [getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
                   for dataset in every_dataset(runner.train_dataloader.dataset)]
        found = [step for steps in places for step in steps if isinstance(step, (CropAugment, SeededAugmentation))]
        if not found:
            raise AMFACError("SeededAugmentationHook needs dict(type='SeededAugmentation') in the training pipeline, "
                             "or dict(type='CropAugment') in data_preprocessor.batch_augments")
        for step in found:
            step.set_state(runner.seed, runner.epoch)
        for step in getattr(preprocessor, 'batch_augments', None) or ():
            for name in ('mean', 'std'):
                own, wanted = getattr(step, name, None), getattr(preprocessor, name, None)
                if own is not None and wanted is not None and not np.allclose(own, wanted.flatten().cpu(), atol=1e-3):
                    raise AMFACError(f'{type(step).__name__}.{name}={np.round(own, 3).tolist()} must be that of '
                                     f'data_preprocessor, {np.round(wanted.flatten().tolist(), 3).tolist()}')
