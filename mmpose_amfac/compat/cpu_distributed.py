"""Lets several processes train on a CPU with the gloo backend.

MMEngine's PyTorch launcher selects a CUDA device whatever the backend: ``AttributeError: module 'torch._C' has no
attribute '_cuda_setDevice'`` on a CPU build of torch; its model wrapper is then given device ids, which
DistributedDataParallel refuses for modules on the CPU. No upstream report is known.

No test in advance: the fault shows only while a process group starts, and asking torch for CUDA at import is not ours
to do. The calls themselves decide: without a CUDA device the launcher's way cannot work, and device ids are wrong for
whatever module lies on the CPU. A version without the fault gets the arguments that it would have chosen.
"""

import inspect

import torch

from mmpose_amfac.compat.wrapping import wrap_once


def apply(utils) -> None:
    """Start the process group of ``mmengine.dist.utils`` without CUDA where there is none."""
    wrap_once(utils, '_init_dist_pytorch', _init)


def apply_to_wrapper(distributed) -> None:
    """Take the device ids from MMDistributedDataParallel for a module on the CPU."""
    wrap_once(distributed.MMDistributedDataParallel, '__init__', _without_device_ids)


def _init(wrapped, instance, args, kwargs):
    call = inspect.signature(wrapped).bind(*args, **kwargs)
    call.apply_defaults()
    options = call.arguments
    if torch.cuda.is_available() or (options['backend'], options['init_backend']) != ('gloo', 'torch'):
        return wrapped(*args, **kwargs)
    return torch.distributed.init_process_group(backend='gloo', **options['kwargs'])


def _without_device_ids(wrapped, instance, args, kwargs):
    module = kwargs.get('module', args[0] if args else None)
    if all(parameter.device.type == 'cpu' for parameter in module.parameters()):
        kwargs = dict(kwargs, device_ids=None)
    return wrapped(*args, **kwargs)
