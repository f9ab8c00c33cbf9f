"""``switch_to_deploy``: the same function of the picture, rewritten for inference."""

from dataclasses import dataclass, field

from mmpose_amfac.deploy.fused_backbone import FusedBackbone
from mmpose_amfac.deploy.fused_head import FusedHead
from mmpose_amfac.deploy.fused_neck import FusedAFPN
from mmpose_amfac.deploy.mish import FORMS
from mmpose_amfac.errors import AMFACError, one_of
from mmpose_amfac.models.backbones import AMFACResNet
from mmpose_amfac.models.heads import AMFACHead
from mmpose_amfac.models.necks import AFPN


@dataclass
class Report:
    """One line for each rewrite that was made, and for each that does not apply with the reason."""

    applied: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def switch_to_deploy(model, mish: str = 'sigmoid') -> Report:
    """Replace backbone, neck and head of a trained pose estimator by their forms for inference, in place.

    The result is equal to the training form up to rounding and cannot be trained. It is tied to the input size of the
    head's codec.

    Args:
        model: MMPose estimator in evaluation mode with an AMFACResNet; necks and heads of others stay as they are.
        mish: form of Mish (:mod:`mmpose_amfac.deploy.mish`): ``'native'`` for engines that recognise it (OpenVINO),
            ``'negated'`` for ONNX Runtime, ``'sigmoid'`` for any engine and for float16, ``'exp'``.

    Raises:
        AMFACError: the model is in training mode, was switched before, or has another backbone.
    """
    one_of('mish', mish, tuple(FORMS))
    backbone, neck, head = model.backbone, getattr(model, 'neck', None), getattr(model, 'head', None)
    if isinstance(backbone, FusedBackbone):
        raise AMFACError('the model is in its deploy form already')
    if not isinstance(backbone, AMFACResNet):
        raise AMFACError(f'backbone is a {type(backbone).__name__}; only AMFACResNet has a deploy form')
    if model.training:
        raise AMFACError('the model is in training mode; call model.eval() first')
    act, size = FORMS[mish], getattr(getattr(head, 'decoder', None), 'input_size', None)
    ours = isinstance(head, AMFACHead)
    collapsed = ours and isinstance(neck, AFPN)
    gated = collapsed or (ours and neck is None)
    report = Report([f'Mish in its {mish} form', 'batch norms folded into convolutions'])

    model.backbone = FusedBackbone(backbone, act, size, gated)
    coordinates = [m for m in backbone.stem if hasattr(m, 'coordinates')]
    _note(report, coordinates and size, 'coordinate channels became constant maps',
          'the codec gives no input size' if coordinates else 'the stem has none')
    has_se = any(hasattr(m, 'gate') for m in backbone.stage_se)
    _note(report, has_se, 'SE gates applied behind the stride of the next stage', 'no SE behind the stages')
    if collapsed:
        strides = [2 << i for i in backbone.out_indices]
        model.neck = FusedAFPN(neck, [(-(-size[1] // s), -(-size[0] // s)) for s in strides])
    _note(report, collapsed, 'neck and embedding work on axis means',
          'no AFPN' if neck is None else f'{type(neck).__name__} is read by {type(head).__name__}')
    _note(report, collapsed and neck.modulation != 'none', 'the gates of each DGCB became one mask on the means',
          'the neck has no DGCB' if collapsed else 'no AFPN is rewritten')
    if ours:
        model.head = FusedHead.of(head, act)
    _note(report, ours, 'the head embeds means instead of averaging embeddings', f'head is a {type(head).__name__}')
    return report


def _note(report: Report, applies, what: str, why_not: str) -> None:
    if applies:
        report.applied.append(what)
    else:
        report.skipped.append(f'{what}: {why_not}')
