from types import SimpleNamespace

import pytest
from mmpose.apis.inferencers import base_mmpose_inferencer as base

WEIGHTS = 'local.pth'


@pytest.fixture
def init_detector(monkeypatch):
    """Run ``_init_detector`` of a body model; gives what the detector would be built of."""
    built = {}

    class Detector:
        def __init__(self, model, weights, device, scope):
            built.update(model=model, weights=weights)

    monkeypatch.setattr(base, 'DetInferencer', Detector)
    monkeypatch.setattr(base, 'has_mmdet', True)

    def run(function, **arguments):
        instance = base.BaseMMPoseInferencer.__new__(base.BaseMMPoseInferencer)
        instance.cfg = SimpleNamespace(dataset_type='CocoDataset')
        function.__get__(instance)(**arguments)
        return built | dict(ids=getattr(instance, 'det_cat_ids', None))

    return run


plain = base.BaseMMPoseInferencer.__dict__['_init_detector'].__wrapped__
mended = base.BaseMMPoseInferencer.__dict__['_init_detector']
default = base.default_det_models['body']


def test_local_weights_are_used_with_the_default_detector(init_detector):
    assert init_detector(plain, det_weights=WEIGHTS)['weights'] == default['weights']  # the fault
    assert init_detector(mended, det_weights=WEIGHTS) == dict(model=default['model'], weights=WEIGHTS, ids=(0,))


@pytest.mark.parametrize(
    'arguments',
    [
        dict(),
        dict(det_model='whole_image', det_weights=WEIGHTS),
        dict(det_model=default['model'], det_weights=WEIGHTS, det_cat_ids=[3]),
    ],
)
def test_other_calls_are_as_before(init_detector, arguments):
    assert init_detector(mended, **arguments) == init_detector(plain, **arguments)
