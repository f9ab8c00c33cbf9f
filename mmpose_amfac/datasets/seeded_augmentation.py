"""SeededAugmentation, the transform that makes augmentation repeatable."""

import random

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SeededAugmentation(BaseTransform):
    """Seed ``random`` and ``numpy.random`` from (run's seed, epoch, sample): nothing else decides what follows.

    MMEngine's checkpoints hold no random state; with this as the first transform of a training pipeline and
    ``SeededAugmentationHook`` in ``custom_hooks`` a resumed run draws what an uninterrupted one would have drawn,
    whatever the number of workers. Seed and epoch lie in shared memory, hence persistent workers see them too.

    It belongs in front of whatever draws random numbers, in the pipeline where that stands. A ``RepeatDataset`` shows
    the same draw at each repeat, and a run by iterations stays at epoch 0.

    Required keys: ``sample_idx``, ``img_path``. Modifies none.
    """

    def __init__(self):
        self.state = torch.zeros(2, dtype=torch.int64).share_memory_()

    def set_state(self, seed: int, epoch: int) -> None:
        """Called by the hook at the start of each epoch."""
        self.state[0], self.state[1] = seed, epoch

    def transform(self, results: dict) -> dict:
        path = str(results['img_path']).replace('\\', '/').rsplit('/', 2)[-2:]
        name = np.frombuffer('/'.join(path).encode(), np.uint8)
        entropy = [*self.state.tolist(), int(results['sample_idx']), *name.tolist()]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        return results
