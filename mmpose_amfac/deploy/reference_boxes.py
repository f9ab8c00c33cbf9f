"""Detectors: boxes."""

from pathlib import Path

import numpy as np
import torch

from mmpose_amfac.apis.sources import open_source, read_image
from mmpose_amfac.deploy.reference import LIMITS, Reference
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.detector import letterbox

# boxes are compared where their score leads the threshold by this much
MARGIN = 0.02
# pixels within which two boxes are one, and the share of boxes without one: NMS chooses between equals
SAME_BOX, LEFT_OUT = 4.0, 0.02
SCORE_LIMIT = dict(FP32=1e-3, FP16=2e-2)


class BoxReference(Reference):
    """Compares boxes on letterboxed pictures.

    In MMDeploy's graphs boxes are clipped after NMS and the candidates are not counted by level; the torch model is
    told to do the same. Random weights make boxes without area, on which the two differ, and are not judged.
    """

    def __init__(self, deploy, task, model, images, checkpoint, random: bool = False):
        super().__init__(deploy, task, model, checkpoint, random)
        self._pictures, self._told = _pictures(images)
        self.example = self._pictures[0]
        self._size = tuple(deploy.onnx_config.get('input_shape') or _picture_size(task.model_cfg))
        model.bbox_head.bbox_coder.clip_border = False
        model.bbox_head.test_cfg.nms_pre = deploy.codebase_config.post_processing.pre_top_k

    def inputs(self):
        """Pictures as the network takes them."""
        return torch.cat([self._letterboxed(picture)['inputs'] for picture in self._pictures])

    def _figures(self, run) -> dict:
        figures = dict(boxes=0, max_px=0.0, score_max=0.0, reasons=[], samples=f'{len(self._pictures)} {self._told}')
        missed = 0
        threshold = self.model.bbox_head.test_cfg.get('score_thr', 0.0) + MARGIN
        for picture in self._pictures:
            inputs, found = self._predict(picture)
            dets, labels = (v[0].numpy() for v in run(inputs))
            for box, score, label in zip(found.bboxes, found.scores, found.labels):
                if score < threshold:
                    continue
                away = np.where(labels == label, np.abs(dets[:, :4] - box).max(1), np.inf)
                nearest = away.argmin()
                figures['boxes'] += 1
                if not away[nearest] <= SAME_BOX:
                    missed += 1
                    continue
                figures['max_px'] = max(figures['max_px'], float(away[nearest]))
                figures['score_max'] = max(figures['score_max'], float(abs(dets[nearest, 4] - score)))
        figures['left_out'] = missed / max(figures['boxes'], 1)
        if self.random:
            return figures | dict(nothing=True)
        limit, score_limit = (table.get(self.precision, np.inf) for table in (LIMITS, SCORE_LIMIT))
        if figures['left_out'] > LEFT_OUT:
            figures['reasons'].append(f'{figures["left_out"]:.1%} of the boxes have no counterpart, more than '
                                      f'{LEFT_OUT:.0%}')
        if not (figures['max_px'] <= limit and figures['score_max'] <= score_limit):
            figures['reasons'].append(f'boxes differ from torch by up to {figures["max_px"]:.3g} px and '
                                      f'{figures["score_max"]:.3g} in score, more than {limit:g} and {score_limit:g}')
        return figures | dict(nothing=figures['boxes'] == 0)

    def _letterboxed(self, picture) -> dict:
        from mmdet.structures import DetDataSample
        canvas, _ = letterbox(picture, self._size)
        shape = canvas.shape[:2]
        sample = DetDataSample(metainfo=dict(img_shape=shape, ori_shape=shape, scale_factor=(1.0, 1.0)))
        data = dict(inputs=[torch.from_numpy(canvas.transpose(2, 0, 1).copy())], data_samples=[sample])
        return self.model.data_preprocessor(data, False)

    @torch.inference_mode()
    def _predict(self, picture):
        data = self._letterboxed(picture)
        found, = self.model.predict(data['inputs'], data['data_samples'], rescale=False)
        return data['inputs'], found.pred_instances.cpu().numpy()


def _pictures(images):
    if images is None:
        from skimage import data
        names = ('astronaut.png', 'camera.png', 'chelsea.png', 'coffee.png')
        return [read_image(Path(data.__file__).parent / name) for name in names], 'scikit-image pictures'
    found = [frame.image for frame in open_source(images) if frame.image is not None]
    if not found:
        raise AMFACError(f'--images {images} holds no picture that can be read')
    return found, f'pictures of {Path(images).resolve().name}'


def _picture_size(config) -> tuple[int, int]:
    for step in config.test_dataloader.dataset.pipeline:
        if step.type == 'Resize':
            return tuple(step.scale)
    raise AMFACError("the detector's test pipeline has no Resize; give a deploy config with a size")
