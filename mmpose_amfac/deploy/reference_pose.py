"""Pose models: network outputs and joints."""

import numpy as np
import torch

from mmpose_amfac.apis.estimator import box_padding
from mmpose_amfac.deploy.deploy_config import input_size
from mmpose_amfac.deploy.reference import LIMITS, Reference
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.vectors import LEAD
from mmpose_amfac.errors import AMFACError

# largest difference of a float32 network's outputs, as a share of their largest value
RAW_LIMIT = 1e-3


class PoseReference(Reference):
    """Compares network outputs and joints on crops, one at a time and, where the batch is open, three at a time."""

    def __init__(self, deploy, task, model, images, checkpoint, random: bool = False):
        super().__init__(deploy, task, model, checkpoint, random)
        self._samples = samples(input_size(task.model_cfg), box_padding(task.model_cfg), images)
        self.example = self._samples.crops[0]
        count, names = len(self._outputs(self.inputs([0]))), deploy.onnx_config.output_names
        if not deploy.codebase_config.get('export_postprocess', False) and count != len(names):
            raise AMFACError(f'the model has {count} outputs, the deploy config names {len(names)} '
                             f'({", ".join(names)}); for heatmaps take pose-detection_BACKEND_...py, for SimCC vectors '
                             'pose-detection_simcc_BACKEND_...py')

    def inputs(self, indices=range(4)):
        """Crops as the network takes them."""
        from mmpose.structures import PoseDataSample
        crops = [torch.from_numpy(self._samples.crops[i].transpose(2, 0, 1).copy()) for i in indices]
        data = dict(inputs=crops, data_samples=[PoseDataSample() for _ in crops])
        return self.model.data_preprocessor(data, False)['inputs']

    @torch.inference_mode()
    def _outputs(self, inputs) -> list:
        from mmpose_amfac.deploy.rewrites import network
        outputs = network(self.model, inputs)
        return [v.cpu() for v in (outputs if isinstance(outputs, (tuple, list)) else (outputs, ))]

    def _decode(self, outputs):
        """Key points (n, K, 2) in pixels of the network input and scores (n, K)."""
        predictions = self.model.head.decode(tuple(outputs) if len(outputs) > 1 else outputs[0])
        return tuple(np.concatenate([getattr(p, name) for p in predictions]) for name in
                     ('keypoints', 'keypoint_scores'))

    def _figures(self, run) -> dict:
        from mmdeploy.utils import is_dynamic_batch
        decoded = self.deploy.codebase_config.get('export_postprocess', False)
        count = len(self._samples.crops)
        sizes = (1, 3) if is_dynamic_batch(self.deploy) else (1, )
        wanted = [torch.cat(v) for v in zip(*(self._outputs(self.inputs([i])) for i in range(count)))]
        joints, scores = self._decode(wanted)
        chosen = np.logical_and.reduce([_clear(v) for v in wanted])
        figures = dict(max_px=0.0, score_max=0.0, batches=sizes, reasons=[], compared=int(chosen.sum()),
                       joints=chosen.size, left_out=float(1 - chosen.mean()),
                       samples=f'{count} {self._samples.description}')
        for size in sizes:
            batches = [range(i, min(i + size, count)) for i in range(0, count, size)]
            found = [torch.cat(v) for v in zip(*(run(self.inputs(b)) for b in batches))]
            if not decoded:
                raw = max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(wanted, found))
                figures['raw_max'] = max(raw, figures.get('raw_max', 0.0))
            points, peaks = [v.numpy() for v in found] if decoded else self._decode(found)
            away = np.linalg.norm(points - joints, axis=-1)
            figures['max_px'] = max(figures['max_px'], float(away[chosen].max(initial=0)))
            figures['score_max'] = max(figures['score_max'], float(np.abs(peaks.reshape(scores.shape) - scores).max()))
        limit = LIMITS.get(self.precision, np.inf)
        # written so that NaN fails
        if not figures['max_px'] <= limit:
            figures['reasons'].append(f'joints differ from torch by up to {figures["max_px"]:.3g} px, more than '
                                      f'{limit:g} px')
        if self.precision == 'FP32' and not figures.get('raw_max', 0.0) <= RAW_LIMIT:
            figures['reasons'].append(f'outputs differ from torch by {figures["raw_max"]:.3g} of their largest value, '
                                      f'more than {RAW_LIMIT:g}')
        # the same for every crop: agreement says nothing
        constant = all(float(v.std(0).max()) <= 1e-6 * float(v.abs().max()) for v in wanted)
        figures['nothing'] = constant or decoded and not chosen.any()
        return figures


def _clear(values) -> np.ndarray:
    """(n, K): rows or maps whose best cell leads every other by more than 1e-3 of the peak."""
    best, second = values.flatten(2).topk(2).values.unbind(-1)
    return (best - second > LEAD * best.abs()).numpy()
