"""ProtocolHook: no AP without the boxes it rests on."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmpose_amfac.datasets import every_dataset


def box_files(dataset) -> list[str]:
    """Detection files that a data set, or any inside it, takes its person boxes from; none means ground truth."""
    return [str(d.bbox_file) for d in every_dataset(dataset) if getattr(d, 'bbox_file', None)]


@HOOKS.register_module()
class ProtocolHook(Hook):
    """Add to every validation and test result which person boxes and which test-time flip it was made with.

    The entries ``protocol/boxes`` and ``protocol/flip_test`` stand beside ``coco/AP`` in the log line and in what
    ``Runner.test`` returns.
    """

    priority = 'HIGHEST'

    def after_val_epoch(self, runner, metrics=None) -> None:
        self._add(runner, runner.val_dataloader.dataset, metrics)

    def after_test_epoch(self, runner, metrics=None) -> None:
        self._add(runner, runner.test_dataloader.dataset, metrics)

    @staticmethod
    def _add(runner, dataset, metrics) -> None:
        if not metrics:
            return
        boxes = box_files(dataset)
        model = getattr(runner.model, 'module', runner.model)
        metrics['protocol/boxes'] = f'detector ({", ".join(boxes)})' if boxes else 'ground truth'
        metrics['protocol/flip_test'] = str(bool((getattr(model, 'test_cfg', None) or {}).get('flip_test', False)))
