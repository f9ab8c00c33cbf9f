"""MuonConstructor: orthogonalised updates for matrices, AdamW for the rest."""

import torch
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS

from mmpose_amfac.engine.autocast_optim_wrapper import bfloat16_pays
from mmpose_amfac.errors import AMFACError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MuonConstructor(DefaultOptimWrapperConstructor):
    """An optimiser wrapper with ``pytorch_optimizer.Muon`` (``pip install pytorch-optimizer``).

    Muon replaces the momentum of a weight matrix by the orthogonal one next to it. It gets the weights of linear
    layers and of convolutions with at least ``smallest`` inputs and outputs (depthwise ones have a single input);
    AdamW gets the others, and vectors (biases, norms) without weight decay. The orthogonal matrix is computed in
    bfloat16, and in float32 on a CPU that imitates bfloat16.

    ``optimizer`` in the wrapper's config has the arguments of that Muon: ``lr``, ``weight_decay`` and ``momentum``,
    and for AdamW ``adamw_lr``, ``adamw_wd``, ``adamw_betas``. Schedules scale both rates.

    Args:
        optim_wrapper_cfg: config of the wrapper with its ``optimizer``.
        paramwise_cfg: ``smallest``, 8 unless given.

    Raises:
        AMFACError: another optimiser or an unknown key is asked for, pytorch-optimizer is not installed, or no
            weight is a matrix.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None):
        super().__init__(optim_wrapper_cfg)
        if self.optimizer_cfg.get('type') != 'Muon':
            raise AMFACError(f"optimizer.type={self.optimizer_cfg.get('type')!r} must be 'Muon' for MuonConstructor")
        unknown = set(paramwise_cfg or ()) - {'smallest'}
        if unknown:
            raise AMFACError(f'paramwise_cfg has {", ".join(sorted(unknown))}; MuonConstructor knows smallest')
        self.smallest = (paramwise_cfg or {}).get('smallest', 8)

    def __call__(self, model):
        try:
            from pytorch_optimizer import Muon
        except ImportError as error:
            raise AMFACError('MuonConstructor needs pytorch-optimizer: pip install pytorch-optimizer') from error
        matrices, others, vectors = [], [], []
        for parameter in getattr(model, 'module', model).parameters():
            if parameter.requires_grad:
                small = parameter.ndim > 1 and min(parameter.shape[:2]) < self.smallest
                (vectors if parameter.ndim < 2 else others if small else matrices).append(parameter)
        if not matrices:
            raise AMFACError(f'MuonConstructor: no weight has at least {self.smallest} inputs and outputs; take AdamW')
        groups = [dict(params=matrices, use_muon=True), dict(params=others, use_muon=False),
                  dict(params=vectors, use_muon=False, weight_decay=0.0)]
        options = {key: value for key, value in self.optimizer_cfg.items() if key != 'type'}
        muon = Muon if bfloat16_pays() else _in_float32(Muon)
        optimizer = muon([group for group in groups if group['params']], **options)
        # MMEngine logs and schedules the rate of the defaults, too, where Muon has none
        optimizer.defaults['lr'] = optimizer.param_groups[0]['lr']
        return OPTIM_WRAPPERS.build(dict(self.optim_wrapper_cfg), default_args=dict(optimizer=optimizer))


def _in_float32(muon: type) -> type:
    """``muon`` with its orthogonal matrices in float32; it fixes half precision itself and has no argument for it."""
    from pytorch_optimizer.optimizer.utils import zero_power_via_gram_newton_schulz, zero_power_via_newton_schulz_5

    class Float32Muon(muon):
        @staticmethod
        def _orthogonalize(group, updates):
            method, more = zero_power_via_newton_schulz_5, {}
            if group['ns_method'] == 'gram_newton_schulz':
                method, more = zero_power_via_gram_newton_schulz, dict(reset_steps=group['ns_reset_steps'])
            more |= dict(weights=group['ns_coeffs'], dtype=torch.float32)
            return [method(update.flatten(1), group['ns_steps'], **more) for update in updates]

    return Float32Muon
