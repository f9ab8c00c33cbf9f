"""Pose models: network outputs and joints."""

import numpy as np
import torch

from mmpose_amfac.apis.estimator import box_padding
from mmpose_amfac.deploy.deploy_config import input_size
from mmpose_amfac.deploy.reference import Reference
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.vectors import clear
from mmpose_amfac.deploy.verdict import (
    MEAN_SCORES,
    PIXELS,
    SCORES,
    VALUES,
    apart,
    exceeded,
    fault,
    mean_apart,
    wrong_scores,
)
from mmpose_amfac.errors import AMFACError


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

    @property
    def _head(self):
        """What decodes; heads that add the visibility of joints have another one inside."""
        return getattr(self.model.head, 'pose_head', self.model.head)

    def _decode(self, outputs):
        """Key points (n, K, 2) in pixels of the network input and scores (n, K)."""
        if _gives_coordinates(outputs):
            # as heads of regression do in predict: (n, persons, K, ...), what follows the coordinates is a logit
            points = outputs[0][:, None]
            outputs = [torch.cat([points[..., :2], points[..., 2:].sigmoid()], -1)]
        elif len(outputs) > 1 and outputs[1].ndim < outputs[0].ndim:
            # visibility, which is not decoded
            outputs = outputs[:1]
        predictions = self._head.decode(tuple(outputs) if len(outputs) > 1 else outputs[0])
        return tuple(np.concatenate([getattr(p, name) for p in predictions]) for name in
                     ('keypoints', 'keypoint_scores'))

    def _clear(self, vectors, joints) -> np.ndarray:
        """(n, K): joints that a rounding does not move from one bin or cell to a far one."""
        # maps of K joints with their offsets have 3 K rows
        if _gives_coordinates(vectors) or vectors[0].shape[:2] != joints.shape[:2]:
            return np.ones(joints.shape[:2], bool)
        return clear([v for v in vectors if v.ndim == vectors[0].ndim], getattr(self._head.decoder, 'window', 0),
                     self.precision)

    def _figures(self, run) -> dict:
        from mmdeploy.utils import is_dynamic_batch
        decoded = self.deploy.codebase_config.get('export_postprocess', False)
        count, names = len(self._samples.crops), self.deploy.onnx_config.output_names
        sizes = (1, 3) if is_dynamic_batch(self.deploy) else (1, )
        vectors = [torch.cat(v) for v in zip(*(self._outputs(self.inputs([i])) for i in range(count)))]
        joints, scores = self._decode(vectors)
        vectors = [v.numpy() for v in vectors]
        wanted = [joints, scores] if decoded else vectors
        reasons, found = [], []
        for size in sizes:
            batches = [range(i, min(i + size, count)) for i in range(0, count, size)]
            outputs = [torch.cat(v).numpy() for v in zip(*(run(self.inputs(b)) for b in batches))]
            reasons += [f'batch {size}: {reason}' for reason in _faults(names, outputs, wanted)]
            found.append(outputs)
        report = dict(samples=f'{count} {self._samples.description}', batches=sizes, reasons=reasons)
        if reasons:
            return report
        chosen = self._clear(vectors, joints)
        points, peaks = zip(*(outputs if decoded else self._decode([torch.from_numpy(v) for v in outputs])
                              for outputs in found))
        away = np.linalg.norm(np.stack(points) - joints, axis=-1)
        report |= dict(joints=chosen.size, compared=int(chosen.sum()), left_out=float(1 - chosen.mean()),
                       max_px=float(away[:, chosen].max(initial=0)), limit_px=PIXELS.get(self.precision),
                       score_max=apart(np.stack(peaks), scores), score_limit=SCORES.get(self.precision),
                       score_mean=mean_apart(np.stack(peaks), scores),
                       score_mean_limit=MEAN_SCORES.get(self.precision))
        reasons += exceeded('joints differ from torch', report['max_px'], report['limit_px'], ' px')
        reasons += wrong_scores(np.stack(peaks), scores, self.precision)
        if not decoded:
            raw = max(apart(value, like) for outputs in found for value, like in zip(outputs, wanted))
            report |= dict(raw_max=raw, raw_limit=VALUES.get(self.precision))
            reasons += exceeded('outputs differ from torch', raw, report['raw_limit'], ' of their largest value')
        # the same for every crop: agreement says nothing
        constant = all(float(v.std(0).max()) <= 1e-6 * float(np.abs(v).max()) for v in vectors)
        return report | dict(nothing=constant or decoded and not chosen.any())


def _gives_coordinates(outputs) -> bool:
    """Outputs of regression: (n, K, 2 or 4), alone or with the maps that they are means of."""
    return outputs[0].ndim == 3 and (len(outputs) == 1 or outputs[1].ndim == 4)


def _faults(names, outputs, wanted) -> list[str]:
    if len(outputs) != len(wanted):
        return [f'{len(outputs)} outputs instead of {len(wanted)}']
    return [reason for name, value, like in zip(names, outputs, wanted)
            if (reason := fault(name, value, like.shape)) is not None]
