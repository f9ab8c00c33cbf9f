"""Uses the detector weights that the caller of MMPose's inferencer gives without a detector config.

With ``det_model=None`` MMPose replaces them by its own and downloads those (open-mmlab/mmpose#2974). No test in
advance: the fault is one assignment inside a function that builds a detector, so only building one would show it.
Instead the call itself decides: where weights come without a model, the model is named that MMPose would take anyway,
and a version without the fault does the same with it.
"""

import inspect

from mmpose_amfac.compat.wrapping import wrap_once


def apply(inferencer) -> None:
    """Name the default detector's config whenever weights for it are given."""

    def init_detector(wrapped, instance, args, kwargs):
        call = inspect.signature(wrapped).bind(*args, **kwargs)
        options = call.arguments
        if options.get('det_model') is None and options.get('det_weights') is not None:
            module = inferencer.DATASETS.get(instance.cfg.dataset_type).__module__
            default = inferencer.default_det_models.get(module.split('datasets.')[-1].split('.')[0].lower())
            if default is not None:
                options.update(det_model=default['model'], det_cat_ids=default['cat_ids'])
        return wrapped(*call.args, **call.kwargs)

    wrap_once(inferencer.BaseMMPoseInferencer, '_init_detector', init_detector)
