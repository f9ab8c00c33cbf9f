"""Evaluation: pycocotools' matching with xtcocotools' rules for what is matched, and CrowdPose's three levels."""

import contextlib
import copy
import io

import numpy as np
from pycocotools import cocoeval

from mmpose_amfac.errors import AMFACError

# CrowdPose's levels by the crowd index of the picture, up to the bound
LEVELS = dict(easy=0.2, medium=0.8, hard=np.inf)


def _labelled(annotation) -> int:
    return np.count_nonzero(np.array(annotation['keypoints'][2::3]) > 0)


class COCOeval(cocoeval.COCOeval):
    """``iouType`` is 'keypoints', 'keypoints_crowd', 'bbox' or 'segm'; arguments and ``stats`` as in xtcocotools."""

    def __init__(self, cocoGt=None, cocoDt=None, iouType='keypoints', sigmas=None, use_area=True):
        allowed = ('keypoints', 'keypoints_crowd', 'bbox', 'segm')
        if iouType not in allowed:
            raise AMFACError(
                f'iou_type={iouType!r}: part-wise keypoints are missing from the stand-in for xtcocotools (it has '
                f'{", ".join(allowed)}); install the real one: pip install --no-binary xtcocotools xtcocotools'
            )
        self.crowd = iouType == 'keypoints_crowd'
        super().__init__(cocoGt, cocoDt, 'keypoints' if self.crowd else iouType)
        self.use_area = use_area
        if sigmas is not None:
            self.params.kpt_oks_sigmas = np.asarray(sigmas)

    def _prepare(self):
        keypoints = self.params.iouType == 'keypoints'
        if keypoints and not self.crowd:
            for truth in self.cocoGt.anns.values():
                truth.setdefault('num_keypoints', _labelled(truth))
        super()._prepare()
        for key, truths in self._gts.items():
            self._gts[key] = [self._truth(truth, keypoints) for truth in truths]
        if keypoints:
            for key, found in self._dts.items():
                self._dts[key] = [one for one in found if _labelled(one)]

    def _truth(self, truth: dict, keypoints: bool) -> dict:
        # pycocotools takes a match with id 0 for none
        truth = dict(truth, id=truth['id'] + 1)
        if keypoints and not self.crowd:
            # only CrowdPose goes by num_keypoints, which leaves hidden joints out there
            truth['ignore'] = truth['iscrowd'] or not _labelled(truth)
        if not self.use_area:
            truth['area'] = truth['bbox'][2] * truth['bbox'][3] * 0.53
        return truth

    def summarize(self):
        if not self.crowd:
            return super().summarize()
        if not self.eval:
            raise AMFACError('COCOeval.summarize() needs the results of accumulate(); call it first')
        overall = [
            self._mean(table, threshold) for table in ('precision', 'recall') for threshold in (None, 0.5, 0.75)
        ]
        self.stats = np.array(overall + self._levels())

    def _mean(self, table: str, threshold: float | None) -> float:
        thresholds = self.params.iouThrs
        values = self.eval[table][..., 0, 0]
        if threshold is not None:
            values = values[thresholds == threshold]
        values = values[values > -1]
        mean = values.mean() if values.size else -1.0
        span = f'{thresholds[0]:.2f}:{thresholds[-1]:.2f}' if threshold is None else f'{threshold:.2f}'
        self._print(table, span, 'area=   all', mean)
        return mean

    def _levels(self) -> list[float]:
        values, lower = [], -np.inf
        for level, upper in LEVELS.items():
            part = copy.copy(self)
            part.params = copy.deepcopy(self.params)
            part.params.imgIds = [i for i, image in self.cocoGt.imgs.items() if lower <= image['crowdIndex'] < upper]
            with contextlib.redirect_stdout(io.StringIO()):
                part.evaluate()
                part.accumulate()
            # CrowdPose's own rule: entries of -1 count, so that a level without persons is -1
            values.append(round(np.mean(part.eval['precision'][:, :, :, 0, :]), 4))
            self._print('precision', '0.50:0.95', f'type={level:>6s}', values[-1])
            lower = upper
        return values

    @staticmethod
    def _print(table: str, span: str, part: str, value: float) -> None:
        short = '(AP)' if table == 'precision' else '(AR)'
        print(f' Average {table.capitalize():<10} {short} @[ IoU={span:<9} | {part} | maxDets= 20 ] = {value:0.3f}')
