"""Top-down pose networks as stages of :mod:`benchmarks.models.pipelines`."""

from benchmarks.models import nets, stage_files
from benchmarks.models.pipelines import Stage
from benchmarks.results import CannotRunError
from benchmarks.timing import agreement
from mmpose_amfac import geometry, heatmap, simcc
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.topdown import TopDown
from mmpose_amfac.skeletons import COCO17

BATCH = 32


class Crops(Stage):
    """A top-down pose network: crops of the given boxes, in the batches that our runtime chooses, and decoding."""

    note = 'boxes given'

    def __init__(self, system, setting):
        super().__init__(system, setting)
        if system.paradigm not in ('td-simcc', 'td-heatmap'):
            raise CannotRunError(f'{system.name}: our runtime decodes SimCC vectors and heatmaps only')
        self.rule = {}
        if system.paradigm == 'td-heatmap':
            self.rule, differs = _heatmap_rule(self.cfg.codec, system)
            self.note = '; '.join(filter(None, (self.note, differs)))
        if self.torch:
            self.estimator = _TorchCrops(self._model(), system, self._pixels(), self.rule)
        else:
            file = stage_files.pose_file(system, setting.files, setting.backend)
            order, mean, std = self._pixels()
            manifest = dict(channel_order=order, mean=tuple(mean), std=tuple(std))
            if self.rule:
                manifest['decode'] = self.rule
            self.estimator = AMFACPose(file, None, setting.backend, threads=setting.threads, batch_size=BATCH,
                                       manifest=manifest)
            agreement.compare(self.folder, self.estimator.engine(nets.pictures(system, 1)), self._run())

    def ready(self, image, boxes):
        self.found = len(boxes)
        return lambda: self.estimator(image, boxes)


def _heatmap_rule(codec, system) -> tuple[dict, str]:
    """How a config's codec refines a peak, for :func:`~mmpose_amfac.heatmap.decode`, and where that is not the same."""
    kernel = codec.get('blur_kernel_size', 11)
    if codec.type == 'MSRAHeatmap':
        return (dict(refine='dark', kernel=kernel) if codec.get('unbiased') else dict(refine='quarter')), ''
    if codec.type == 'UDPHeatmap' and codec.get('heatmap_type', 'gaussian') == 'gaussian':
        return dict(refine='dark', kernel=kernel), "decoded as DARK, which costs what UDP's step does"
    raise CannotRunError(f'{system.name}: our runtime does not decode {codec.type} as its config has it')


class _TorchCrops(TopDown):
    """Crops through torch, a batch after the other."""

    def __init__(self, model, system, pixels, rule):
        super().__init__(COCO17, system.input_size, geometry.PADDING, BATCH)
        self._network, self._pixels, self._rule = nets.network(model, system), pixels, rule
        self._ratio = getattr(model.head.decoder, 'simcc_split_ratio', None)

    def forward(self, crops):
        import torch
        with torch.inference_mode():
            outputs = self._network(torch.from_numpy(geometry.normalise(crops, *self._pixels)))
        found = [v.numpy() for v in ([outputs] if isinstance(outputs, torch.Tensor) else outputs)]
        keypoints, scores = simcc.decode(*found, self._ratio) if len(found) == 2 else heatmap.decode(
            *found, stride=self.input_size[0] / found[0].shape[-1], **self._rule)
        # as our runtime does; those of RTMPose may lie above 1
        return keypoints, scores.clip(0, 1)
