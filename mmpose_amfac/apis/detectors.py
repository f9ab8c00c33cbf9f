"""Person detectors: each is called with one BGR picture and returns boxes and scores."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpose_amfac.apis.downloads import fetch
from mmpose_amfac.apis.weights import load_weights
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.packages import install_command
from mmpose_amfac.runtime.detector import WHOLE_IMAGE, check_score_thr, keep_inside, open_detector


@dataclass(frozen=True)
class Published:
    """A detector of OpenMMLab: its config in ``mmpose/.mim/demo/mmdetection_cfg`` and its weights.

    Of the weights' sha256 only the eight hex digits at the end of their name are known. They tell a damaged file, not
    a forged one; a forged one can run no code, for it is loaded as tensors and plain values only.
    """

    config: str
    address: str


_SITE = 'https://download.openmmlab.com/mmpose/v1/projects/'

PUBLISHED = {
    'rtmdet-nano': Published('rtmdet_nano_320-8xb32_coco-person.py',
                             f'{_SITE}rtmpose/rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e.pth'),
    'rtmdet-m': Published('rtmdet_m_640-8xb32_coco-person.py',
                          f'{_SITE}rtmposev1/rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth'),
}


class MMDetDetector:
    """The class ``person`` of an MMDetection model.

    Args:
        config: MMDetection config file.
        weights: checkpoint.
        device: torch device.
        score_thr: boxes below this score are dropped.

    Raises:
        MissingPackageError: MMDetection is not installed.
        AMFACError: a file does not exist, weights of another model, or a model without the class ``person``.
    """

    def __init__(self, config, weights, device: str = 'cpu', score_thr: float = 0.3):
        for path in (config, weights):
            if not Path(path).is_file():
                raise AMFACError(f'detector file {path} does not exist')
        try:
            import mmdet  # noqa: F401
        except ModuleNotFoundError:
            raise MissingPackageError(f'an MMDetection detector needs mmdet: {install_command("mmdet")}') from None
        from mmdet.apis import inference_detector, init_detector
        self.score_thr = score_thr
        self._infer = inference_detector
        # it warns that there are no weights yet, and changes the filters so that it is heard
        with warnings.catch_warnings(record=True):
            self.model = init_detector(str(config), None, device=device)
        self.model.data_preprocessor._register_load_state_dict_pre_hook(_without_statistics)
        # MMDetection itself takes whatever fits and leaves the rest random
        checkpoint = load_weights(self.model, weights, config)
        self.model.dataset_meta.update(_dataset_meta(checkpoint))
        classes = list(self.model.dataset_meta['classes'])
        if 'person' not in classes:
            raise AMFACError(f"{config}: the detector has no class 'person', only {', '.join(classes[:5])}")
        self._person = classes.index('person')

    def __call__(self, image: np.ndarray):
        """Boxes (n, 4) ``xyxy`` pixels inside the picture and scores (n,), float32, best first."""
        found = self._infer(self.model, image).pred_instances.cpu().numpy()
        keep = (found.labels == self._person) & (found.scores >= self.score_thr)
        return keep_inside(found.bboxes[keep], found.scores[keep], image.shape)


def _without_statistics(state_dict, prefix, *_):
    # many published files carry means and deviations, which models take from their config
    for name in ('mean', 'std'):
        state_dict.pop(f'{prefix}{name}', None)


def _dataset_meta(checkpoint) -> dict:
    """What a checkpoint says of its data set; MMDetection 2 has the classes only, in capitals and elsewhere."""
    meta = checkpoint.get('meta') or {}
    fields = {key.lower(): value for key, value in (meta.get('dataset_meta') or {}).items()}
    if 'classes' not in fields and 'CLASSES' in meta:
        fields['classes'] = meta['CLASSES']
    if isinstance(fields.get('classes'), str):
        fields['classes'] = (fields['classes'], )
    return fields


def build_detector(spec, weights=None, device: str = 'cpu', score_thr: float = 0.3, offline: bool = False,
                   threads: int | None = None):
    """A detector from what a user types.

    Args:
        spec: an alias of ``PUBLISHED``, an ``.onnx`` file, ``'whole_image'``, an MMDetection config (with ``weights``,
            as ``'CONFIG.py:WEIGHTS.pth'`` or as the pair ``(config, weights)``).
        weights: checkpoint for a config, or for an alias instead of the published one.
        device: torch device of an MMDetection model; an ONNX file runs on the CPU.
        score_thr: boxes below this score are dropped.
        offline: take published weights from the cache only.
        threads: of the CPU, for an ONNX file; None leaves the choice to ONNX Runtime.

    Returns:
        A callable, picture (H, W, 3) uint8 BGR -> boxes (n, 4) ``xyxy`` pixels, scores (n,).

    Raises:
        AMFACError: unknown spec, missing file, weights that cannot be had or have a wrong checksum.
    """
    # before weights are fetched
    check_score_thr(score_thr)
    if isinstance(spec, (tuple, list)):
        spec, weights = spec
    spec = str(spec)
    pair = re.fullmatch(r'(.+\.py):(.+)', spec)
    if pair:
        spec, weights = pair.groups()
    if spec in PUBLISHED:
        return MMDetDetector(*_published_files(spec, weights, offline), device, score_thr)
    if spec.endswith('.py'):
        if weights is None:
            raise AMFACError(f'detector config {spec} needs its weights: --det {spec} --det-weights FILE.pth')
        return MMDetDetector(spec, weights, device, score_thr)
    if weights is not None:
        raise AMFACError(f'--det-weights belongs to a config or one of {", ".join(PUBLISHED)}, not to --det {spec}')
    if spec == WHOLE_IMAGE or spec.endswith('.onnx'):
        return open_detector(spec, score_thr, threads)
    raise AMFACError(f'detector {spec!r} is not known; give one of {", ".join([*PUBLISHED, WHOLE_IMAGE])}, '
                     'FILE.onnx, or CONFIG.py with its weights')


# what needs neither torch nor a download
_OTHERS = '--det FILE.onnx, --det whole_image or --boxes FILE'


def _published_files(alias: str, weights, offline: bool) -> tuple[Path, Path]:
    # imported for its place on disk: MMPose's wheel carries the configs of the detectors
    try:
        import mmpose
    except ModuleNotFoundError:
        raise MissingPackageError(f'the detector {alias} needs torch, mmdet and mmpose, which is not installed; '
                                  f'without them: {_OTHERS}') from None
    published = PUBLISHED[alias]
    config = Path(mmpose.__file__).parent / '.mim' / 'demo' / 'mmdetection_cfg' / published.config
    if weights is None:
        name = published.address.rsplit('/', 1)[-1]
        remedy = f'with a local copy: --det {alias} --det-weights {name}; without: {_OTHERS}'
        weights = fetch(published.address, remedy, offline)
    return config, Path(weights)
