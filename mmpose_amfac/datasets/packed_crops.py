"""PackedCrops, person crops cut once."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample
from tqdm import tqdm

from mmpose_amfac.errors import AMFACError, integers, number
from mmpose_amfac.geometry import PADDING


@DATASETS.register_module()
class PackedCrops(torch.utils.data.Dataset):
    """The person crops of a top-down data set, cut and decoded once, to be augmented in batches by ``CropAugment``.

    Decoding and warping each picture anew in each epoch costs a CPU more than a small network does. Here each person's
    box, ``margin`` times larger than what the network sees, lies as uint8 in a memory-mapped file; the pixels are those
    of the network input, so that the middle of a crop is what evaluation would show the network.

    A sample is what ``PackPoseInputs`` gives: ``inputs`` (3, margin H, margin W) uint8 in BGR, ``data_samples`` with
    ``gt_instances.keypoints`` (1, K, 2) in pixels of the crop and ``keypoints_visible`` (1, K).

    Args:
        dataset: config of a top-down data set of MMPose, without a pipeline.
        input_size: network input (width, height), pixels.
        margin: size of a crop over that of the network input, at least 1; both sides must come out whole.
        cache: folder of the files, written at the first use. Their names depend on the data set's config, on its
            annotation file and on the arguments here; a picture that changes under the same name is not noticed.

    Raises:
        AMFACError: an argument outside these ranges, or a data set that is not top-down.
    """

    def __init__(self, dataset: dict, input_size, margin: float = 1.5, cache: str = 'data/packed'):
        integers('input_size', input_size, 2)
        number('margin', margin, 1)
        size = [side * margin for side in input_size]
        if any(side != int(side) for side in size):
            raise AMFACError(f'input_size={tuple(input_size)} times margin={margin} is not whole: {size}; '
                             'choose another margin')
        self.input_size = tuple(int(side) for side in size)
        self.recipe = dict(dataset, pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale', padding=PADDING * margin),
            dict(type='TopdownAffine', input_size=self.input_size),
        ])
        self.dataset = DATASETS.build(ConfigDict(self.recipe))
        if self.dataset.data_mode != 'topdown':
            raise AMFACError(f"dataset.data_mode='{self.dataset.data_mode}' must be 'topdown': one crop a person")
        self.path = Path(cache) / f'{Path(self.dataset.ann_file).stem}-{self._digest()}'
        self.crops = None

    def _digest(self) -> str:
        labels = hashlib.sha256(Path(self.dataset.ann_file).read_bytes()).hexdigest()
        text = json.dumps([self.recipe, labels], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def metainfo(self) -> dict:
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Cut the crops unless the files are there, and map them."""
        if self.crops is not None:
            return
        pixels, labels = (self.path.with_name(f'{self.path.name}{suffix}') for suffix in ('.npy', '.npz'))
        if not labels.exists():
            self._pack(pixels, labels)
        self.crops = np.load(pixels, mmap_mode='r')
        with np.load(labels) as found:
            self.keypoints, self.visible = found['keypoints'], found['visible']

    def _pack(self, pixels: Path, labels: Path) -> None:
        pixels.parent.mkdir(parents=True, exist_ok=True)
        width, height = self.input_size
        shape = (len(self.dataset), height, width, 3)
        parts = {path: path.with_name(f'{path.name}.{os.getpid()}.part') for path in (pixels, labels)}
        try:
            crops = np.lib.format.open_memmap(parts[pixels], 'w+', np.uint8, shape)
            keypoints, visible = [], []
            for i in tqdm(range(len(self.dataset)), desc=f'packing {self.path.name}', unit='crop', disable=None):
                found = self.dataset[i]
                crops[i] = found['img']
                keypoints.append(found['transformed_keypoints'])
                visible.append(found['keypoints_visible'])
            crops.flush()
            with open(parts[labels], 'wb') as file:
                np.savez(file, keypoints=np.float32(keypoints), visible=np.float32(visible))
            # the labels come last: where they are, the pixels are whole
            for path in (pixels, labels):
                parts[path].replace(path)
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)

    def __getstate__(self) -> dict:
        # a worker maps the file again instead of being sent it
        return dict(vars(self), crops=None)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        self.full_init()
        sample = PoseDataSample(metainfo=dict(input_size=self.input_size, img_shape=self.input_size[::-1],
                                              flip_indices=self.metainfo['flip_indices']))
        sample.gt_instances = InstanceData(keypoints=self.keypoints[index], keypoints_visible=self.visible[index])
        return dict(inputs=torch.from_numpy(np.array(self.crops[index])).permute(2, 0, 1), data_samples=sample)
