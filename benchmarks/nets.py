"""Networks to time: ours and MMPose's, with random weights, as ONNX files."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

import mmpose_amfac  # noqa: F401  (mends and registers before MMPose is imported)
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.paths import PACKAGE, mim_root

_ZOO = 'body_2d_keypoint'
# pictures of noise that statistics of batch norms come from
STATISTICS = 4
# spread of our logits between pictures
LOGITS = 0.5


class Net(NamedTuple):
    """A config, ours or one of MMPose's below ``body_2d_keypoint``, with its input (width, height)."""

    config: str
    size: tuple[int, int]
    ours: bool = False
    outputs: tuple[str, ...] = ('simcc_x', 'simcc_y')


NETS = {
    **{f'amfacpose-{depth}-{size}': Net(f'coco/amfacpose_{depth}_1xb32-140e_coco-{size}.py',
                                        tuple(map(int, size.split('x')[::-1])), True)
       for depth in ('r18', 'r34') for size in ('256x192', '256x256', '384x288')},
    **{f'rtmpose-{s}-256x192': Net(f'rtmpose/coco/rtmpose-{s}_8xb256-420e_coco-256x192.py', (192, 256))
       for s in 'tsml'},
    'rtmpose-m-384x288': Net('rtmpose/coco/rtmpose-m_8xb256-420e_aic-coco-384x288.py', (288, 384)),
    'hrnet-w32-256x192': Net('topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py', (192, 256),
                             outputs=('heatmaps', )),
    'hrnet-w48-256x192': Net('topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py', (192, 256),
                             outputs=('heatmaps', )),
    'simcc-r50-256x192': Net('simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py', (192, 256)),
}


def config_of(name: str) -> Path:
    """The config file of a network."""
    import mmpose
    net = NETS[name]
    folder = mim_root() / 'configs' if net.ours else Path(mmpose.__file__).parent / '.mim/configs' / _ZOO
    return folder / net.config


def build(name: str):
    """The network with random weights of seed 0, in evaluation mode.

    Batch norms get the statistics of noise: with none a deep random network fades to zeros, which some processors
    compute slower than numbers, and its outputs no longer depend on the picture, so that comparing them shows nothing.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS
    if name not in NETS:
        raise AMFACError(f'net {name!r} is not known; known: {", ".join(NETS)}')
    config = Config.fromfile(config_of(name))
    # weights of the backbone would be fetched
    config.model.backbone.pop('init_cfg', None)
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    inputs = torch.from_numpy(noise(NETS[name].size, STATISTICS))
    with torch.no_grad():
        model.train()(inputs, None, mode='tensor')
    for norm, momentum in zip(norms, usual):
        norm.momentum = momentum
    model.eval()
    if NETS[name].ours:
        _spread(model.head, model.extract_feat(inputs))
    return model


def _spread(head, maps) -> None:
    """Scale the last layers until logits differ by some units between pictures, or the softmax hides the picture."""
    import torch
    with torch.no_grad():
        for mlp, logits in zip((head.mlp_x, head.mlp_y), head(maps)):
            mlp[-1].weight.mul_(LOGITS / logits.std(dim=0).mean())


def write(name: str, folder, backend: str, form: str = 'deploy', precision: str = 'fp32', batch: int = 1) -> Path:
    """The ONNX file of a network for a fixed batch; one that this code wrote before is used again.

    Args:
        backend: ``'onnxruntime'`` or ``'openvino'``: chooses our form of Mish and the way of quantisation.
        form: ``'deploy'``, or ``'written'`` for our network without rewrites.
        precision: ``'fp32'`` or ``'int8'`` (calibrated on noise: good for speed only).
    """
    import torch

    from mmpose_amfac.deploy.export import deployable
    from mmpose_amfac.deploy.onnx_file import write_onnx
    from mmpose_amfac.deploy.quantize import quantize
    from mmpose_amfac.files import atomic_path
    net = NETS[name]
    own = backend if net.ours or precision == 'int8' else 'any'
    path = Path(folder) / _code() / f'{name}_{form}_{own}_{precision}_b{batch}.onnx'
    if path.is_file():
        return path
    model = build(name)
    network = _forward(model, net.ours)
    if net.ours and form == 'deploy':
        network, _ = deployable(model, backend, 'fp32')
    width, height = net.size
    with atomic_path(path) as temporary, torch.inference_mode():
        write_onnx(network, torch.zeros(batch, 3, height, width), temporary, outputs=net.outputs)
        if precision == 'int8':
            quantize(temporary, noise(net.size, 8), chained=backend == 'onnxruntime')
    return path


@cache
def _code() -> str:
    """Digest of everything that decides what is written."""
    import torch
    digest = sha256(torch.__version__.encode())
    for file in sorted(PACKAGE.glob('models/**/*.py')) + sorted(PACKAGE.glob('deploy/*.py')) + [Path(__file__)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def noise(size, count: int) -> np.ndarray:
    """(count, 3, H, W) float32 of seed 0, as normalised pictures are spread."""
    return np.random.default_rng(0).standard_normal((count, 3, size[1], size[0]), np.float32)


def _forward(model, ours: bool):
    import torch

    class Forward(torch.nn.Module):
        """What the network gives, as trained: our peak-normalised vectors, or MMPose's maps or raw vectors."""

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            head = self.model.head
            if ours:
                return head.normalise(head.probabilities(self.model.extract_feat(x)))
            return self.model(x, None, mode='tensor')

    return Forward().eval()


def expected(name: str, inputs: np.ndarray) -> list[np.ndarray]:
    """Torch's outputs for a batch."""
    import torch
    with torch.inference_mode():
        found = _forward(build(name), NETS[name].ours)(torch.from_numpy(inputs))
    return [v.numpy() for v in ([found] if isinstance(found, torch.Tensor) else found)]
