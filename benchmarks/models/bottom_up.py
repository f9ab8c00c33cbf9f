"""Bottom-up systems as stages of :mod:`benchmarks.models.pipelines`."""

import numpy as np

from benchmarks import zoo
from benchmarks.models import nets, stage_files
from benchmarks.models.crops import Crops
from benchmarks.models.pipelines import Detector, Finder, Setting, Stage, Whole
from benchmarks.results import CannotRunError
from benchmarks.timing.agreement import difference, judged
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.engines import open_engine

JOINTS = 17
# of the key points within a box
SEED = 0
# between the tags of two people; the codec takes less than 1 for one person
APART = 4.0
# Gaussians in the middle of a cell, resized, have four highest pixels, each of them a peak; a network's do not
TILT = 0.01


class Grouped(Whole):
    """Associative Embedding: the network, then grouping, as MMPose does it, of maps that encode the people.

    The maps of random weights would show as many people in every picture; those that encode the boxes' people have a
    Gaussian for each joint and a tag for each person, as a trained network learns to give. They are resized to the size
    of the input first, also as MMPose does. Of a joint it keeps the ``decode_topk`` highest peaks, so maps of more
    people would leave it parts of each: those of the first 30 are encoded then.
    """

    def __init__(self, system, setting):
        super().__init__(system, setting)
        from mmpose.registry import KEYPOINT_CODECS
        self.decoder = KEYPOINT_CODECS.build(self.cfg.model.head.decoder)
        self.most = min(self.decoder.decode_topk, self.decoder.decode_max_instances)
        self.note = f'network on the picture, grouping of maps that encode the people, in torch; at most {self.most}'
        self.model = self._model() if self.torch else None
        self.engine = None

    def ready(self, image, boxes):
        import torch
        from mmpose.models.utils.tta import aggregate_heatmaps
        network = self._network(self._prepare(image)[2]['input_size'])
        boxes = boxes[:self.most]
        maps, tags = (torch.from_numpy(v)[None] for v in self.encode(self.joints(image, boxes), image))

        def call():
            inputs, back, meta = self._prepare(image)
            network(inputs)
            found = [aggregate_heatmaps([v], meta['input_size'], mode='average') for v in (maps, tags)]
            (keypoints, ), (scores, ), _ = self.decoder.batch_decode(*found)
            return back(keypoints), scores

        self.found = len(call()[0])
        if self.found != len(boxes):
            raise AMFACError(f'{self.system.name}: grouping finds {self.found} people instead of {len(boxes)}')
        return call

    def joints(self, image, boxes) -> np.ndarray:
        """Joints (n, K, 2) of people in the boxes, in pixels of the picture: the same in each box."""
        inside = np.random.default_rng(SEED).uniform(0.1, 0.9, (JOINTS, 2))
        return boxes[:, None, :2] + inside * (boxes[:, None, 2:] - boxes[:, None, :2])

    def encode(self, joints, image):
        """Heatmaps and tags, each (K, h, w) float32, of people with these joints."""
        from mmpose.registry import KEYPOINT_CODECS
        meta = self._prepare(image)[2]
        size, center, scale = (np.asarray(meta[key]) for key in ('input_size', 'input_center', 'input_scale'))
        codec = {**self.cfg.codec, 'input_size': tuple(size), 'heatmap_size': tuple(size // 4)}
        points = (joints - center + scale / 2) / scale * size
        maps = KEYPOINT_CODECS.build(codec).encode(points.astype(np.float32))['heatmaps']
        # every place has the tag of the person whose joint is the nearest
        width, height = codec['heatmap_size']
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
        maps = maps * (1 - TILT * grid @ (1 / width, 0.5 / height))
        tags = np.empty(maps.shape)
        for joint in range(JOINTS):
            away = np.linalg.norm(grid[:, :, None] - points[None, None, :, joint] / 4, axis=-1)
            tags[joint] = APART * away.argmin(-1)
        return maps.astype(np.float32), tags.astype(np.float32)

    def _network(self, size):
        if self.torch:
            import torch

            def network(inputs):
                with torch.inference_mode():
                    self.model(torch.from_numpy(inputs), None, mode='tensor')
            return network
        if self.engine is None:
            file = stage_files.maps_file(self.system, self.setting.files, size)
            engine = open_engine(file, self.setting.backend, threads=self.setting.threads)
            inputs = nets.noise(size, 1)
            apart = difference(engine(inputs), nets.expected(self._model(), self.system, inputs))
            judged(self.folder, apart, f'the maps of {self.setting.backend} differ from torch')
            self.engine = engine
        return self.engine


class Eager(Whole):
    """CID and DEKR through MMPose's ``predict``, which no exporter writes."""

    def __init__(self, system, setting):
        super().__init__(system, setting)
        from mmengine.utils.dl_utils import mmcv_full_available
        if not self.torch:
            raise CannotRunError(f'{system.name} runs in torch only: its shapes depend on the people found')
        if system.needs_operators and not mmcv_full_available():
            raise CannotRunError(f'{system.name} needs the operator {system.needs_operators} of a compiled mmcv')
        self.model = self._model()
        self.note = 'as many people as the best centres' if system.family == 'cid' else 'people of random maps'

    def ready(self, image, boxes):
        # mirrored pictures, which MMPose averages by default, are left out for all systems
        own = dict(flip_test=False)
        if self.system.family == 'cid':
            own |= dict(max_instances=len(boxes), score_threshold=-1.0)
        self.model.test_cfg.update(own)

        def call():
            found = self._predict(self.model, image)
            return np.asarray(found.keypoints), np.asarray(found.keypoint_scores)

        self.found = len(call()[0])
        return call


def open_stage(system: zoo.System, setting: Setting) -> Stage:
    """The stage of a system.

    Raises:
        CannotRunError: it cannot run so.
        AMFACError: its file cannot be written or opened.
    """
    if system.paradigm.startswith('td-'):
        return Crops(system, setting)
    if system.paradigm == 'detector':
        if not system.name.startswith('rtmdet'):
            raise CannotRunError(f'{system.name}: only RTMDet is measured as a detector')
        return Detector(system, setting)
    if system.family in ('rtmo', 'yoloxpose'):
        return Finder(system, setting)
    if system.family == 'associative_embedding':
        return Grouped(system, setting)
    if system.family in ('cid', 'dekr'):
        return Eager(system, setting)
    raise CannotRunError(f'{system.name}: no pipeline is known for it')
