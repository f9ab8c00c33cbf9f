"""Pose models that find people themselves: RTMO and YOLOX-Pose."""

import numpy as np
import torch

from mmpose_amfac.deploy.deploy_config import input_size
from mmpose_amfac.deploy.reference_boxes import MARGIN, BoxReference


class PeopleReference(BoxReference):
    """Compares people on letterboxed pictures: boxes with their key points, paired as boxes of detectors are.

    MMPose clips boxes to the picture, MMDeploy's graphs do not; those of the file are clipped before they are compared.
    """

    second = 'keypoints'

    def _prepare(self) -> None:
        self._row = (self.model.head.num_keypoints, 3)

    def _least(self) -> float:
        return self.model.test_cfg.get('score_thr', 0.0) + MARGIN

    def _picture_size(self):
        return input_size(self.task.model_cfg)

    def _boxes(self, dets, keypoints):
        corners = np.clip(dets[:, :4], 0, np.tile(self._size, 2))
        points = keypoints[..., :2].reshape(len(dets), -1)
        return np.concatenate([corners, points, dets[:, 4:]], 1), np.zeros(len(dets), int)

    def _letterboxed(self, picture) -> dict:
        from mmpose.structures import PoseDataSample
        sample = PoseDataSample(metainfo=dict(input_size=self._size))
        return self._normalised(picture, sample)

    @torch.inference_mode()
    def _predict(self, picture):
        data, model = self._letterboxed(picture), self.model
        found, = model.head.predict(model.extract_feat(data['inputs']), data['data_samples'],
                                    test_cfg={**model.test_cfg, 'flip_test': False})
        found.bboxes = np.concatenate([found.bboxes, found.keypoints.reshape(len(found.bboxes), -1)], 1)
        return data['inputs'], found
