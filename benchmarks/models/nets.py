"""Networks to time: systems of the zoo with random weights that make their outputs depend on the picture."""

import json
from functools import cache
from hashlib import sha256

import numpy as np

from benchmarks import zoo
from mmpose_amfac.errors import AMFACError

# pictures of noise that statistics of batch norms come from
STATISTICS = 4
# spread of our logits between pictures
LOGITS = 0.5
# boxes per picture whose score passes the threshold, about as many as a trained detector has before NMS; fewer than the
# deploy configs keep
CANDIDATES = 60
# mean and standard deviation of pixels
PHOTOGRAPH = (118, 57)
# pixels of an area of one colour
PATCH = 48
# parts of a config that change neither the network nor its time
_BESIDE = ('data_preprocessor', 'init_cfg', 'test_cfg', 'train_cfg', 'decoder', 'assigner')


def head(system: zoo.System) -> str:
    """Type of the head, which decides more than the name or the folder of a config: '' for detectors."""
    return _head(zoo.config_file(system))


@cache
def _head(path) -> str:
    from mmengine.config import Config
    return (Config.fromfile(path).model.get('head') or {}).get('type', '')


def ours(system: zoo.System) -> bool:
    """AMFACPose, with its deploy form and its own output."""
    return head(system) == 'AMFACHead'


def finds_people(system: zoo.System) -> bool:
    """The call ends with boxes after NMS: detectors, RTMO, YOLOX-Pose."""
    return system.paradigm == 'detector' or head(system) in ('RTMOHead', 'YOLOXPoseHead')


def identity(system: zoo.System) -> str:
    """Digest of what makes the network: systems that differ in training, data or decoder alone share it."""
    model = zoo.load_config(system).model.to_dict()
    return sha256(json.dumps([_network(model, ours(system) or finds_people(system)), system.input_size],
                             sort_keys=True, default=str).encode()).hexdigest()[:16]


def _network(node, whole: bool):
    if isinstance(node, dict):
        return {key: _network(value, whole) for key, value in node.items()
                if not key.startswith('loss') and (key not in _BESIDE or whole and key in ('test_cfg', 'decoder'))}
    return [_network(value, whole) for value in node] if isinstance(node, (list, tuple)) else node


def build(system: zoo.System):
    """The network with random weights of seed 0, in evaluation mode.

    Batch norms get the statistics of noise: with none a deep random network fades to zeros, which some processors
    compute slower than numbers, and its outputs no longer depend on the picture, so that comparing them shows nothing.
    Where NMS belongs to the call, scores are shifted until ``CANDIDATES`` of a picture pass the threshold.
    """
    import torch

    from mmpose_amfac.deploy.settle import settle
    torch.manual_seed(0)
    model = zoo.build(system)
    # CID gathers the people of all pictures as if they were of the first
    inputs = torch.from_numpy(pictures(system, 1 if head(system) == 'CIDHead' else STATISTICS))
    settle(model, lambda: raw(model, inputs))
    with torch.no_grad():
        if ours(system):
            _spread(model.head, model.extract_feat(inputs))
        if finds_people(system):
            _thin(model, raw(model, inputs))
    return model


def _spread(head, maps) -> None:
    """Scale the last layers until logits differ by some units between pictures, or the softmax hides the picture."""
    for mlp, logits in zip((head.mlp_x, head.mlp_y), head(maps)):
        mlp[-1].weight.mul_(LOGITS / logits.std(dim=0).mean())


def _thin(model, outputs) -> None:
    """Shift the biases of classes, or of objectness where there is one, so that few boxes pass the threshold."""
    import torch
    head = model.bbox_head if hasattr(model, 'bbox_head') else model.head
    module = getattr(head, 'head_module', head)
    threshold = torch.tensor(float((head.test_cfg if hasattr(model, 'bbox_head') else model.test_cfg)['score_thr']))
    flat = [torch.cat([level.flatten(1) for level in maps], 1) for maps in outputs[:2]]
    if hasattr(module, 'out_obj'):
        # score = sigmoid(class) * sigmoid(objectness)
        layers, needed = module.out_obj, (threshold / flat[0].sigmoid()).clamp(max=1 - 1e-6).logit() - flat[1]
    else:
        layers = module.out_cls if hasattr(module, 'out_cls') else module.rtm_cls
        needed = threshold.logit() - flat[0]
    shift = needed.kthvalue(CANDIDATES, dim=1).values.mean()
    # heads share layers between levels
    for layer in {id(layer): layer for layer in layers}.values():
        layer.bias.add_(shift)


def noise(size, count: int) -> np.ndarray:
    """(count, 3, H, W) float32 of seed 0, mean 0 and deviation 1, for a ``size`` of (width, height)."""
    return np.random.default_rng(0).standard_normal((count, 3, size[1], size[0]), np.float32)


def pictures(system: zoo.System, count: int) -> np.ndarray:
    """(count, 3, H, W) float32: patches and noise with the spread of photographs, normalised as the system has it.

    Noise alone has no large areas, and statistics from it let a deep random network overflow on a photograph.
    """
    width, height = system.input_size
    coarse = np.random.default_rng(1).standard_normal((count, 3, -(-height // PATCH), -(-width // PATCH)))
    areas = coarse.repeat(PATCH, 2).repeat(PATCH, 3)[..., :height, :width]
    values = 0.9 * areas + (1 - 0.9**2)**0.5 * noise(system.input_size, count)
    steps = zoo.load_config(system).model.get('data_preprocessor') or {}
    mean, std = (np.reshape(steps.get(key) or [default] * 3, (3, 1, 1)) for key, default in (('mean', 0), ('std', 1)))
    return ((PHOTOGRAPH[0] + PHOTOGRAPH[1] * values - mean) / std).astype(np.float32)


def raw(model, inputs):
    """What the network gives before any decoding, for (B, 3, H, W): a tensor or nested sequences of them."""
    if type(getattr(model, 'head', None)).__name__ == 'EDPoseHead':
        # its tensor mode gives the head no samples, which the head asserts
        return model.head.forward(model.extract_feat(inputs), _samples(inputs))
    return model(inputs, None, mode='tensor')


def _samples(inputs) -> list:
    from mmpose.structures import PoseDataSample
    height, width = inputs.shape[2:]
    return [PoseDataSample(metainfo=dict(
        img_shape=(height, width), ori_shape=(height, width), batch_input_shape=(height, width),
        input_size=(width, height), scale_factor=(1.0, 1.0))) for _ in inputs]


def flat(outputs) -> tuple:
    """Nested outputs as a flat tuple of tensors; what is None is left out."""
    if outputs is None:
        return ()
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, (list, tuple)):
        return tuple(tensor for part in outputs for tensor in flat(part))
    return (outputs, )


def network(model, system: zoo.System):
    """A module (B, 3, H, W) -> tuple of tensors: our peak-normalised vectors, or what MMPose's network gives."""
    import torch

    class Network(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, inputs):
            if ours(system):
                return self.model.head.vectors(self.model.extract_feat(inputs))
            return flat(raw(self.model, inputs))

    return Network().eval()


def people(model, inputs) -> list:
    """What a system with NMS finds in normalised pictures, as its own ``predict`` does: InstanceData for each."""
    maps = model.extract_feat(inputs)
    if hasattr(model, 'bbox_head'):
        return model.bbox_head.predict(maps, _samples(inputs), rescale=False)
    return model.head.predict(maps, _samples(inputs), test_cfg={**model.test_cfg, 'flip_test': False})


def call(model, system: zoo.System):
    """What is timed in torch: the network, with decoding and NMS where it finds people itself."""
    return (lambda inputs: people(model, inputs)) if finds_people(system) else network(model, system)


def expected(model, system: zoo.System, inputs: np.ndarray) -> list[np.ndarray]:
    """Outputs of the network in torch for a batch, in the precision of ``inputs``."""
    import torch
    with torch.inference_mode():
        return [v.numpy() for v in network(model, system)(torch.from_numpy(inputs))]


def load(system: zoo.System, weights):
    """The network with the weights of a file that :func:`save` wrote."""
    import torch

    from mmpose_amfac.apis.weights import load_weights
    model = zoo.build(system)
    # the file takes the place of the random weights, it is not copied into them
    torch.manual_seed(0)
    load_weights(model, weights, system.name)
    return model.eval()


def save(system: zoo.System, path) -> None:
    """Write random weights as a checkpoint.

    Raises:
        AMFACError: outputs that are not finite.
    """
    import torch

    from mmpose_amfac.files import atomic_path
    model = build(system)
    if not all(np.isfinite(v).all() for v in expected(model, system, pictures(system, 1)) if v.dtype.kind == 'f'):
        raise AMFACError(f'{system.name}: outputs of random weights are not finite')
    meta = dict(dataset_meta=dict(CLASSES=('person', ))) if system.paradigm == 'detector' else {}
    with atomic_path(path) as part:
        torch.save(dict(state_dict=model.state_dict(), meta=meta), part)
