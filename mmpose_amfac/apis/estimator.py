"""TorchEstimator, AMFACPose models through MMPose."""

import warnings
from pathlib import Path

import numpy as np

from mmpose_amfac import geometry, simcc
from mmpose_amfac.apis.downloads import fetch
from mmpose_amfac.apis.weights import load_weights
from mmpose_amfac.errors import AMFACError, MissingPackageError, integer
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.topdown import TopDown
from mmpose_amfac.skeletons import Skeleton


class TorchEstimator(TopDown):
    """Joints of given boxes; the numbers of MMPose's ``inference_topdown``, batched over people and pictures.

    It is called as :class:`~mmpose_amfac.runtime.topdown.TopDown` says. In a program of yours that runs large batches
    on a CPU, :func:`~mmpose_amfac.memory.keep_memory` once before saves time, as the commands do.

    Args:
        config: name or alias of a packaged model, or a config file.
        weights: checkpoint; may be left out for a packaged model.
        device: torch device; ``None`` takes ``cuda`` where there is one, else ``cpu``.
        batch_size: crops that go through the network at once.
        flip: average with the mirrored crop (twice the time).

    Attributes:
        input_size: (width, height) of a crop, pixels.
        skeleton: :class:`~mmpose_amfac.skeletons.Skeleton` of the data set.

    Raises:
        MissingPackageError: torch or a package of OpenMMLab is missing.
        AMFACError: unknown model, no such file, weights of another model or input size, a model without AMFACHead, no
            such device.
    """

    backend = 'torch'

    def __init__(self, config='amfacpose', weights=None, device: str | None = None, batch_size: int = 32,
                 flip: bool = False):
        integer('batch_size', batch_size)
        torch = _torch()
        self.config, self.weights = _resolve(config, weights)
        self.device = torch.device(_device(torch, device))
        self.flip = flip
        self.model = _build(self.config, self.weights, self.device)
        codec = self.model.head.decoder
        super().__init__(Skeleton.from_metainfo(self.model.dataset_meta), codec.input_size, box_padding(self.model.cfg),
                         batch_size)
        self._split_ratio, self._window = codec.simcc_split_ratio, codec.window
        preprocessor = self.model.cfg.model.get('data_preprocessor') or {}
        swap = preprocessor.get('bgr_to_rgb', False) or preprocessor.get('rgb_to_bgr', False)
        self._normalise = ('rgb' if swap else 'bgr', preprocessor.get('mean') or (0, 0, 0),
                           preprocessor.get('std') or (1, 1, 1))

    def forward(self, crops: np.ndarray):
        """One call of the network: crops -> joints (n, K, 2) in pixels of the crop and scores (n, K)."""
        import torch

        from mmpose_amfac.models.layers import flip_back
        head = self.model.head
        with torch.inference_mode():
            inputs = torch.from_numpy(geometry.normalise(crops, *self._normalise)).to(self.device)
            vectors = head.vectors(self.model.extract_feat(inputs))
            if self.flip:
                mirrored = head.vectors(self.model.extract_feat(inputs.flip(-1)))
                mirrored = flip_back(*mirrored, self.skeleton.flip_indices, self._split_ratio)
                vectors = [(a + b) / 2 for a, b in zip(vectors, mirrored)]
            x, y = (v.cpu().numpy() for v in vectors)
        return simcc.decode(x, y, self._split_ratio, self._window)


def _torch():
    try:
        import mmpose  # noqa: F401
        import torch
    except ModuleNotFoundError as error:
        raise MissingPackageError(f'this model needs {error.name} (packaged ones run without: --backend onnxruntime): '
                                  f'{install_command(error.name)}') from error
    return torch


def _device(torch, device: str | None) -> str:
    if device is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        # and back: the device `meta` has shapes only
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, AttributeError, ImportError) as error:
        raise AMFACError(f"device={device!r} cannot be used here: {str(error).splitlines()[0]}; 'cpu' can, and "
                         'README tells how to install a torch for GPUs') from None
    return device


def _resolve(config, weights) -> tuple[Path, Path]:
    alias = config
    if str(config).endswith('.py'):
        if weights is None:
            raise AMFACError(f'config {config} needs its weights: --model {config} --weights FILE.pth')
    else:
        from mmpose_amfac import model_index
        model = model_index.find(str(config))
        alias, config, weights = model.alias, model.config, weights or model.weights
        if weights is None:
            raise AMFACError(model_index.no_weights(model))
    if '://' in str(weights):
        weights = fetch(str(weights), f'with a local copy: --model {alias} --weights FILE.pth')
    config, weights = Path(config), Path(weights)
    for path in (config, weights):
        if not path.is_file():
            raise AMFACError(f'{path} does not exist')
    return config, weights


def _build(config: Path, weights: Path, device):
    from mmengine.config import Config
    from mmpose.apis import init_model

    from mmpose_amfac.models.heads import AMFACHead
    with warnings.catch_warnings():
        # MMPose looks for its own metainfo in the current folder first and says so when it takes the installed one
        warnings.filterwarnings('ignore', message='The metainfo config file')
        model = init_model(Config.fromfile(config), None, 'cpu')
    if not isinstance(model.head, AMFACHead):
        raise AMFACError(f'{config} builds a {type(model.head).__name__}; only models with AMFACHead are read here, '
                         "for others use MMPose's MMPoseInferencer")
    meta = load_weights(model, weights, config).get('meta') or {}
    model.dataset_meta = meta.get('dataset_meta') or model.dataset_meta
    joints = len(model.dataset_meta.get('keypoint_id2name') or ())
    if joints != model.head.out_channels:
        raise AMFACError(f'{config}: the head has {model.head.out_channels} joints, the data set {joints}')
    return model.to(device).eval()


def box_padding(config) -> float:
    """Factor on the box size of the test pipeline."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    for step in dataset.get('pipeline') or ():
        if step['type'] == 'GetBBoxCenterScale':
            return step.get('padding', geometry.PADDING)
    return geometry.PADDING
