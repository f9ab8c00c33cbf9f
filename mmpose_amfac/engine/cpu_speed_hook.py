"""CPUSpeedHook: the same training in less time on a CPU."""

from functools import partial

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from torch import nn
from torch.nn import functional as F

from mmpose_amfac.memory import keep_memory
from mmpose_amfac.models.layers import SCRM, SE
from mmpose_amfac.models.layers.mish import exp_mish

# Loops over memory that a compiler fuses; all compute in float32 and return the type they are given.


def _mish(x):
    return exp_mish(x.float()).to(x.dtype)


def _mish_backward(grad, x):
    exp = torch.exp(x.float().clamp(max=20.0))
    ratio = exp * (exp + 2)
    inverse = 1 / (ratio + 2)
    slope = ratio * inverse + 4 * x.float() * exp * (exp + 1) * inverse * inverse
    return (grad.float() * slope).to(x.dtype)


def _gate(x, channel, logits):
    return (x.float() * channel.float() * torch.sigmoid(logits.float())).to(x.dtype)


def _gate_backward(grad, x, channel, logits):
    spatial = torch.sigmoid(logits.float())
    masked = grad.float() * spatial
    through = masked * x.float()
    return ((masked * channel.float()).to(x.dtype), through.to(x.dtype),
            (through * channel.float() * (1 - spatial)).to(x.dtype))


def _map_sum(x):
    return x.float().sum((2, 3), keepdim=True)


def _norm_sums(grad, x, mean, inverse):
    hat = (x.float() - mean[:, None, None]) * inverse[:, None, None]
    return grad.float().sum((0, 2, 3)), (grad.float() * hat).sum((0, 2, 3))


def _norm_backward(grad, x, mean, inverse, weight, grad_mean, hat_mean):
    def wide(vector):
        return vector[:, None, None]

    hat = (x.float() - wide(mean)) * wide(inverse)
    return (wide(weight * inverse) * (grad.float() - wide(grad_mean) - hat * wide(hat_mean))).to(x.dtype)


class _Kernels:
    """The loops, compiled at the first use for any shape."""

    def __getattr__(self, name):
        if f'_{name}' not in globals():
            raise AttributeError(name)
        kernel = torch.compile(globals()[f'_{name}'], dynamic=True)
        setattr(self, name, kernel)
        return kernel


kernels = _Kernels()


class _Mish(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return kernels.mish(x)

    @staticmethod
    def backward(ctx, grad):
        return kernels.mish_backward(grad, *ctx.saved_tensors)


class _Gate(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, channel, logits):
        ctx.save_for_backward(x, channel, logits)
        return kernels.gate(x, channel, logits)

    @staticmethod
    def backward(ctx, grad):
        to_x, through, to_logits = kernels.gate_backward(grad, *ctx.saved_tensors)
        return to_x, kernels.map_sum(through).to(ctx.saved_tensors[1].dtype), to_logits


class _Norm(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, eps):
        out, mean, inverse = torch.native_batch_norm(x, weight, bias, running_mean, running_var, True, momentum, eps)
        ctx.save_for_backward(x, weight, mean, inverse)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight, mean, inverse = ctx.saved_tensors
        to_bias, to_weight = kernels.norm_sums(grad, x, mean, inverse)
        count = x.numel() / x.shape[1]
        to_x = kernels.norm_backward(grad, x, mean, inverse, weight, to_bias / count, to_weight / count)
        return to_x, to_weight, to_bias, None, None, None, None


class _Mean(torch.autograd.Function):
    """Over the map, with a gradient that takes no memory: PyTorch's lies the other way round than channels last."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return (kernels.map_sum(x) / (x.shape[2] * x.shape[3])).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        return (grad / (ctx.shape[2] * ctx.shape[3])).expand(ctx.shape)


def _norm_forward(module: nn.BatchNorm2d, x):
    # of a single value PyTorch's says what is wrong with it
    if not module.training or x.numel() == x.shape[1]:
        return type(module).forward(module, x)
    module.num_batches_tracked += 1
    return _Norm.apply(x, module.weight, module.bias, module.running_mean, module.running_var, module.momentum,
                       module.eps)


def _scrm_forward(module: SCRM, x):
    channel, logits = module.mask_logits(x, _Mean.apply(x))
    return _Gate.apply(x, torch.sigmoid(channel), logits)


def _se_forward(module: SE, x):
    return x * module.gate(_Mean.apply(x))


def _strided_forward(module: nn.Conv2d, x):
    down, across = module.stride
    whole = F.conv2d(x, module.weight, module.bias, 1, module.padding, module.dilation, module.groups)
    return whole[:, :, ::down, ::across]


def has_compiler() -> bool:
    """Whether ``torch.compile`` finds a C++ compiler."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    try:
        return bool(get_cpp_compiler())
    except InvalidCxxCompiler:
        return False


def quicken(model: nn.Module) -> None:
    """Give modules that PyTorch computes slowly on a CPU another way to the same result, and lay weights channels last.

    In R18 most of a step went to Mish and to the backward passes of batch norms, of means (their gradients lie in
    another memory layout than what they are added to) and of depthwise convolutions with a stride (that of one without
    is several times faster; here it keeps every n-th value). Loops are compiled; without a C++ compiler they stay.
    """
    compiled = has_compiler()
    if not compiled:
        print_log("torch.compile finds no C++ compiler (g++): training with PyTorch's slower loops", 'current')
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and (
                module.groups == module.in_channels > 1 and max(module.stride) > 1 and module.padding_mode == 'zeros'):
            module.forward = partial(_strided_forward, module)
        elif not compiled:
            continue
        elif isinstance(module, SE):
            module.forward = partial(_se_forward, module)
        elif isinstance(module, nn.Mish):
            module.forward = _Mish.apply
        elif isinstance(module, SCRM):
            module.forward = partial(_scrm_forward, module)
        elif type(module) is nn.BatchNorm2d and (
                module.affine and module.track_running_stats and module.momentum is not None):
            module.forward = partial(_norm_forward, module)
    model.to(memory_format=torch.channels_last)


@HOOKS.register_module()
class CPUSpeedHook(Hook):
    """:func:`quicken` the model and :func:`keep_memory` before training on a CPU; on other devices nothing happens."""

    def before_train(self, runner) -> None:
        if next(runner.model.parameters()).device.type == 'cpu':
            keep_memory()
            quicken(runner.model)
