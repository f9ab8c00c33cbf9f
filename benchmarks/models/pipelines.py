"""Ways from a picture to the poses in it, in stages that can be timed: detectors, pose networks, one-stage, bottom-up.

Weights are random, so nothing depends on what a network sees: top-down networks get the boxes as they are, and
whatever finds people itself is made to find a given number of them:

* RTMDet, RTMO, YOLOX-Pose: the score threshold of NMS lies between the last box to be kept and the next one.
* CID: takes the best so many centres.
* Associative Embedding: the network runs, and what is grouped are maps that encode the people.
* DEKR: as many as its random maps show.

``found`` of a stage tells how many it found: no deploy file keeps more than its ``keep_top_k`` boxes, and Associative
Embedding no more than 30 people. With that threshold NMS has hardly more candidates than there are people, where a
trained network has several for each: ten for each of 64 people would cost ONNX Runtime's NMS some 0.05 ms more.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import zoo
from benchmarks.models import nets, stage_files
from benchmarks.models.exports import Folder
from benchmarks.timing import agreement
from benchmarks.timing.opened import Run
from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.detector import MEAN, STD, keep_inside, letterbox
from mmpose_amfac.runtime.engines import open_engine

BACKENDS = ('onnxruntime', 'openvino', 'torch')


class Setting(NamedTuple):
    """What a stage runs with: one of ``BACKENDS``, threads of the CPU, and the folder of the model files."""

    backend: str
    threads: int
    files: Path


class Stage(ABC):
    """One network with all that belongs to it.

    Attributes:
        provider: what runs the network.
        note: what else a reader of its times must know.
        found: people that the function of the last :meth:`ready` finds.
    """

    note, found = '', 0

    def __init__(self, system: zoo.System, setting: Setting):
        self.system, self.setting = system, setting
        self.provider = {'onnxruntime': 'CPUExecutionProvider', 'openvino': 'CPU', 'torch': 'torch eager'}[
            setting.backend]
        self.torch = setting.backend == 'torch'
        self.cfg, self.folder = zoo.load_config(system), Folder(setting.files, system)

    @abstractmethod
    def ready(self, image: np.ndarray, boxes: np.ndarray) -> Callable:
        """The function to be timed, which takes nothing and returns what was found.

        Args:
            image: (H, W, 3) uint8 BGR.
            boxes: (n, 4) ``xyxy``, of the people in it.
        """

    def _model(self):
        return nets.load(self.system, self.folder.weights)

    def _run(self):
        """What is compared with torch before anything is timed."""
        return Run(self.setting.backend, 'deploy', 'fp32', self.setting.threads, 1)

    def _pixels(self):
        """Channel order, mean and standard deviation of the input."""
        pre = self.cfg.model.get('data_preprocessor') or {}
        order = 'rgb' if pre.get('bgr_to_rgb') or pre.get('rgb_to_bgr') else 'bgr'
        return order, pre.get('mean') or (0, 0, 0), pre.get('std') or (1, 1, 1)


class Whole(Stage):
    """A network that takes the whole picture."""

    def _prepare(self, image):
        """Network input (1, 3, h, w), points of it -> points of the picture, and what MMPose must know of both."""
        from mmpose.registry import TRANSFORMS
        step, = (s for s in self.cfg.val_pipeline if s['type'] == 'BottomupResize')
        found = TRANSFORMS.build(step)(dict(img=image, ori_shape=image.shape[:2]))
        size, center, scale = (np.float32(found[key]) for key in ('input_size', 'input_center', 'input_scale'))
        meta = dict(ori_shape=image.shape[:2], **{key: found[key] for key in (
            'img_shape', 'input_size', 'input_center', 'input_scale')})
        inputs = geometry.normalise(found['img'][None], *self._pixels())
        return inputs, lambda points: points / size * scale + center - scale / 2, meta

    def _predict(self, model, image):
        """MMPose's or MMDetection's own result for a picture."""
        import torch
        inputs, _, meta = self._prepare(image)
        with torch.inference_mode():
            return model(torch.from_numpy(inputs), [self._sample(meta)], mode='predict')[0].pred_instances

    def _sample(self, meta):
        from mmpose.structures import PoseDataSample
        return PoseDataSample(metainfo=meta)


class Finder(Whole):
    """Boxes, or poses, with NMS: letterbox, network with NMS and decoding inside, and back to the picture."""

    note = 'NMS keeps as many boxes as there are people'

    def __init__(self, system, setting):
        super().__init__(system, setting)
        if self.torch:
            self.model = self._model()
            head = self.model.bbox_head if system.paradigm == 'detector' else self.model
            self.test_cfg = head.test_cfg
            for name, weight in self.model.named_parameters():
                weight.data.mul_(stage_files.calmed(name))
        else:
            self.file = stage_files.finder_file(system, setting.files)
            engine = open_engine(self.file, setting.backend, threads=setting.threads)
            agreement.compare_people(self.folder, engine(nets.pictures(system, 1)), self._run())

    def ready(self, image, boxes):
        low = self._open(0.0)(image)[1]
        # files keep at most keep_top_k boxes
        count = min(len(boxes), len(low) - 1)
        call = self._open(float(low[count - 1] + low[count]) / 2)
        self.found = len(call(image)[1])
        if self.found != count:
            raise AMFACError(f'{self.system.name}: NMS keeps {self.found} boxes instead of {count}')
        return lambda: call(image)

    def _open(self, threshold: float):
        """Picture -> what is found (boxes, or joints (n, K, 2)) and its scores (n,), best first, with a threshold."""
        if self.torch:
            def call(image):
                self.test_cfg['score_thr'] = threshold
                found = self._predict(self.model, image)
                scores = np.asarray(found.scores if 'keypoints' not in found else found.bbox_scores).reshape(-1)
                # YOLOX-Pose and RTMO leave them in the order of NMS, which is that of the scores
                return np.asarray(found.bboxes if 'keypoints' not in found else found.keypoints), scores
            return call
        with stage_files.with_threshold(self.file, threshold) as file:
            engine = open_engine(file, self.setting.backend, threads=self.setting.threads)

        def call(image):
            inputs, back, _ = self._prepare(image)
            dets, second = engine(inputs)
            # the row that MMDeploy adds where nothing is found
            keep = dets[0, :, 4] > threshold
            return self._finish(dets[0, keep, :4], second[0, keep], back, image), dets[0, keep, 4]
        return call

    def _finish(self, boxes, keypoints, back, image):
        return back(keypoints[..., :2])


class Detector(Finder):
    """RTMDet: letterbox, network with NMS, and boxes in the picture."""

    def _prepare(self, image):
        canvas, zoom = letterbox(image, self.system.input_size)
        meta = dict(ori_shape=image.shape[:2], img_shape=canvas.shape[:2], scale_factor=(zoom, zoom))
        return geometry.normalise(canvas[None], 'bgr', MEAN, STD), lambda points: points / zoom, meta

    def _sample(self, meta):
        from mmdet.structures import DetDataSample
        return DetDataSample(metainfo=meta)

    def _finish(self, boxes, labels, back, image):
        return keep_inside(back(boxes.reshape(-1, 2, 2)).reshape(-1, 4), np.ones(len(boxes)), image.shape)[0]
