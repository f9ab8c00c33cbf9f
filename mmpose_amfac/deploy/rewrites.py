"""What MMDeploy must do differently for models with AMFACHead.

MMDeploy knows SimCC heads and codecs by name. These rewrites end the graph in what our decoder reads, or in its
result, and give MMDeploy and its SDK the name ``SimCCLabel`` for a codec that decodes as ours does.
"""

import copy
import inspect

import torch
from mmdeploy.core import FUNCTION_REWRITER
from mmdeploy.utils import get_backend, get_codebase_config, get_root_logger
from mmengine.config import ConfigDict

from mmpose_amfac.compat.wrapping import wrap_once

CODEC = 'AMFACSimCCLabel'
# the form that suits an engine, see mish.py
MISH = dict(onnxruntime='negated', openvino='native')


@FUNCTION_REWRITER.register_rewriter('mmpose.models.pose_estimators.base.BasePoseEstimator._forward')
def _pose_estimator__forward(self, inputs, data_samples=None):
    # one level above AMFACHead.forward, which the head's own softmax calls
    context = FUNCTION_REWRITER.get_context()
    if not _is_ours(self):
        return context.origin_func(self, inputs, data_samples)
    outputs = network(self, inputs)
    if get_codebase_config(context.cfg).get('export_postprocess', False):
        return decode(*outputs, self.head.decoder.simcc_split_ratio, self.head.decoder.window)
    return outputs


def network(model, inputs):
    """What an exported graph without decoder gives for normalised pictures (B, 3, H, W).

    With AMFACHead that is peak-normalised softmax vectors x (B, K, Bx) and y (B, K, By).
    """
    if not _is_ours(model):
        return model._forward(inputs)
    return model.head.vectors(model.extract_feat(inputs))


def _is_ours(model) -> bool:
    from mmpose_amfac.models.heads import AMFACHead
    return isinstance(model.head, AMFACHead)


def decode(simcc_x, simcc_y, split_ratio: float, window: int):
    """:func:`mmpose_amfac.simcc.decode` in operators that ONNX has.

    Returns:
        key points (B, K, 2) in pixels of the network input and scores (B, K).
    """
    positions, peaks = zip(*(_axis(v, window) for v in (simcc_x, simcc_y)))
    return torch.stack(positions, -1) / split_ratio, torch.minimum(*peaks)


def _axis(vectors, window: int):
    peak, best = vectors.max(-1)
    if window == 0:
        return best.float(), peak
    offsets = torch.arange(-window, window + 1, device=vectors.device)
    index = best[..., None] + offsets
    last = vectors.shape[-1] - 1
    mass = vectors.gather(-1, index.clamp(0, last)) * ((index >= 0) & (index <= last)).float()
    total = mass.sum(-1).clamp(min=torch.finfo(torch.float32).tiny)
    return best.float() + (mass * offsets.float()).sum(-1) / total, peak


def register(pose_detection) -> None:
    """Hook of ``mmdeploy.codebase.mmpose.deploy.pose_detection``; importing this module registered the rest."""
    wrap_once(pose_detection.PoseDetection, '__init__', _init_task)
    wrap_once(pose_detection.PoseDetection, 'build_pytorch_model', _build_model)


def _init_task(wrapped, instance, args, kwargs):
    call = inspect.signature(wrapped).bind(*args, **kwargs)
    # a task switches flip_test off in the config that it is given
    config = call.arguments['model_cfg'] = copy.deepcopy(call.arguments['model_cfg'])
    decoder = config.model.get('head', {}).get('decoder') or {}
    if decoder.get('type') == CODEC:
        # read by the SDK's pipeline.json and by the back end's model, whose head keeps its own decoder
        config.codec = ConfigDict(type='SimCCLabel', input_size=tuple(decoder['input_size']),
                                  simcc_split_ratio=decoder.get('simcc_split_ratio', 2.0))
    return wrapped(*call.args, **call.kwargs)


def _build_model(wrapped, instance, args, kwargs):
    from mmpose_amfac.models.backbones import AMFACResNet
    model = wrapped(*args, **kwargs)
    if isinstance(model.backbone, AMFACResNet) and get_codebase_config(instance.deploy_cfg).get('fuse', False):
        from mmpose_amfac.deploy.fuse import switch_to_deploy
        report = switch_to_deploy(model, MISH.get(get_backend(instance.deploy_cfg).value, 'sigmoid'))
        get_root_logger().info(f'{report}')
    return model
