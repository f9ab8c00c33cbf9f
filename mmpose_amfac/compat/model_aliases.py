"""Lets MMPose's inferencers find our models by name: ``MMPoseInferencer('amfacpose')``.

MMEngine reads the model names of the OpenMMLab packages on its own list only (``Cannot find model: amfacpose in
mmpose``) and offers no registration. Our entries come after MMPose's, so none of its names can be shadowed.
"""

from pathlib import Path

from mmpose_amfac import model_index
from mmpose_amfac.compat.safe_checkpoints import NO_WEIGHTS
from mmpose_amfac.compat.wrapping import wrap_once
from mmpose_amfac.errors import AMFACError


def apply(infer) -> None:
    """Extend the look-up in ``mmengine.infer.infer``."""
    wrap_once(infer.BaseInferencer, '_get_models_from_metafile', _with_ours)
    wrap_once(infer.BaseInferencer, '_load_model_from_metafile', _with_known_names)


def _with_ours(wrapped, instance, args, kwargs):
    import mmpose

    yield from wrapped(*args, **kwargs)
    folder = Path(kwargs.get('dir', args[0] if args else '')).resolve()
    package = Path(mmpose.__file__).resolve().parent
    if folder in (package / '.mim', package.parent):
        for model in model_index.models():
            # mmengine wants the field; where it is a note, loading it is the error that the note tells
            weights = model.weights or NO_WEIGHTS + model_index.no_weights(model)
            yield dict(model.entry, Alias=list(model.aliases), Config=str(model.config), Weights=str(weights))


def _with_known_names(wrapped, instance, args, kwargs):
    try:
        return wrapped(*args, **kwargs)
    except ValueError as error:
        if instance.scope != 'mmpose' or not str(error).startswith('Cannot find model'):
            raise
        name = kwargs.get('model', args[0] if args else None)
        known = ', '.join(model_index.nearest(name))
        raise AMFACError(
            f'unknown model {name!r}; from mmpose_amfac: {known}; MMPose\'s own: '
            'get_model_aliases() of mmpose.apis.inferencers; or give the path of a config'
        ) from error
