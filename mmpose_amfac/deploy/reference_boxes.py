"""Detectors: boxes."""

from pathlib import Path

import numpy as np
import torch

from mmpose_amfac.apis.sources import open_source, read_image
from mmpose_amfac.deploy.reference import Reference
from mmpose_amfac.deploy.verdict import BOX_SCORES, PIXELS, exceeded, fault
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.detector import letterbox

# boxes are compared where their score leads the threshold by this much
MARGIN = 0.02
# pixels within which two boxes are one, and the share of boxes without one: NMS chooses between equals
SAME_BOX, LEFT_OUT = 4.0, 0.02


class BoxReference(Reference):
    """Compares boxes on letterboxed pictures.

    In MMDeploy's graphs boxes are clipped after NMS and the candidates are not counted by level; the torch model is
    told to do the same. Random weights make boxes without area, on which the two differ, and are not judged.
    """

    # the output beside the boxes, and the shape of its rows
    second, _row = 'labels', ()

    def __init__(self, deploy, task, model, images, checkpoint, random: bool = False):
        super().__init__(deploy, task, model, checkpoint, random)
        self._pictures, self._told = _pictures(images)
        self.example = self._pictures[0]
        self._size = tuple(deploy.onnx_config.get('input_shape') or self._picture_size())
        self._prepare()

    def _prepare(self) -> None:
        head = self.model.bbox_head
        head.bbox_coder.clip_border = False
        head.test_cfg.nms_pre = self.deploy.codebase_config.post_processing.pre_top_k

    def _least(self) -> float:
        return self.model.bbox_head.test_cfg.get('score_thr', 0.0) + MARGIN

    def _picture_size(self) -> tuple[int, int]:
        for step in self.task.model_cfg.test_dataloader.dataset.pipeline:
            if step.type == 'Resize':
                return tuple(step.scale)
        raise AMFACError("the detector's test pipeline has no Resize; give a deploy config with a size")

    def _boxes(self, dets, labels):
        """Coordinates with scores (n, ... + 1) and labels (n,) of the outputs of a file."""
        return dets, labels

    def inputs(self):
        """Pictures as the network takes them."""
        return torch.cat([self._letterboxed(picture)['inputs'] for picture in self._pictures])

    def _figures(self, run) -> dict:
        report = dict(samples=f'{len(self._pictures)} {self._told}', reasons=[])
        reasons = report['reasons']
        pairs, lone = [], 0
        for picture in self._pictures:
            inputs, wanted = self._predict(picture)
            dets, second = (v[0].numpy() for v in run(inputs))
            faults = fault('dets', dets, (len(dets), 5)), fault(self.second, second, (len(dets), *self._row))
            reasons += [reason for reason in faults if reason is not None]
            if reasons:
                return report
            found, missed = paired(wanted, *self._boxes(dets, second), self._least())
            pairs += found
            lone += missed
        report |= dict(boxes=len(pairs) + lone, left_out=lone / max(len(pairs) + lone, 1),
                       max_px=max((away for away, _ in pairs), default=0.0),
                       score_max=max((apart for _, apart in pairs), default=0.0),
                       limit_px=PIXELS.get(self.precision), score_limit=BOX_SCORES.get(self.precision))
        if self.random:
            return report | dict(nothing=True)
        if report['left_out'] > LEFT_OUT:
            reasons.append(f'{report["left_out"]:.1%} of the boxes, of torch or of the file, have no counterpart, more '
                           f'than {LEFT_OUT:.0%}')
        reasons += exceeded('boxes differ from torch', report['max_px'], report['limit_px'], ' px')
        reasons += exceeded('scores differ from torch', report['score_max'], report['score_limit'])
        return report | dict(nothing=report['boxes'] == 0)

    def _letterboxed(self, picture) -> dict:
        from mmdet.structures import DetDataSample
        shape = self._size[::-1]
        return self._normalised(picture, DetDataSample(metainfo=dict(img_shape=shape, ori_shape=shape,
                                                                     scale_factor=(1.0, 1.0))))

    def _normalised(self, picture, sample) -> dict:
        canvas, _ = letterbox(picture, self._size)
        data = dict(inputs=[torch.from_numpy(canvas.transpose(2, 0, 1).copy())], data_samples=[sample])
        return self.model.data_preprocessor(data, False)

    @torch.inference_mode()
    def _predict(self, picture):
        data = self._letterboxed(picture)
        found, = self.model.predict(data['inputs'], data['data_samples'], rescale=False)
        return data['inputs'], found.pred_instances.cpu().numpy()


def paired(wanted, dets, labels, least: float, within: float = SAME_BOX) -> tuple[list[tuple[float, float]], int]:
    """Pairs of torch's boxes with the file's, nearest first, and how many of either have no partner.

    A box has one partner at most, of its own label; coordinates of key points may follow those of the box. Boxes below
    the score ``least`` may be partners, but need none; ``within`` is how many pixels partners may be apart.

    Returns:
        (pixels, score) by which pairs differ, and the number of boxes without a partner.
    """
    away = np.abs(wanted.bboxes[:, None] - dets[None, :, :-1]).max(2)
    away[wanted.labels[:, None] != labels] = np.inf
    theirs, ours = wanted.scores, dets[:, -1]
    pairs, taken, given = [], set(), set()
    for i, j in sorted(np.argwhere(away <= within).tolist(), key=lambda pair: away[tuple(pair)]):
        if i not in taken and j not in given:
            taken.add(i)
            given.add(j)
            if max(theirs[i], ours[j]) >= least:
                pairs.append((float(away[i, j]), float(abs(theirs[i] - ours[j]))))
    lone = [i for i, score in enumerate(theirs) if score >= least and i not in taken]
    lone += [j for j, score in enumerate(ours) if score >= least and j not in given]
    return pairs, len(lone)


def _pictures(images):
    if images is None:
        from skimage import data
        names = ('astronaut.png', 'camera.png', 'chelsea.png', 'coffee.png')
        return [read_image(Path(data.__file__).parent / name) for name in names], 'scikit-image pictures'
    found = [frame.image for frame in open_source(images) if frame.image is not None]
    if not found:
        raise AMFACError(f'--images {images} holds no picture that can be read')
    return found, f'pictures of {Path(images).resolve().name}'
