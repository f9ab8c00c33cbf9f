"""A small AMFACPose model with random weights, real pictures, and an estimator that needs no network."""

import tarfile

import cv2
import numpy as np
import pytest

from mmpose_amfac import geometry

CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['mmpose_amfac'], allow_failed_imports=False)
codec = dict(type='AMFACSimCCLabel', input_size=(96, 128), target='gaussian', sigma=4.0, window={window})
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
                           bgr_to_rgb=True),
    backbone=dict(type='AMFACResNet', depth=18),
    neck=dict(type='AFPN'),
    head=dict(type='AMFACHead', decoder=codec),
    test_cfg=dict(flip_test=True))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding={padding}),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs')]))
"""


def write_model(folder, window=0, padding=1.25):
    """Config and random weights whose vectors have clear peaks."""
    import torch
    from mmengine.config import Config
    from mmpose.apis import init_model
    config, weights = folder / 'small.py', folder / 'small.pth'
    config.write_text(CONFIG.format(window=window, padding=padding))
    torch.manual_seed(0)
    model = init_model(Config.fromfile(config), None, 'cpu')
    for mlp in (model.head.mlp_x, model.head.mlp_y):
        torch.nn.init.normal_(mlp[2].weight, std=5.0)
    torch.save(dict(state_dict=model.state_dict(), meta={}), weights)
    return config, weights


@pytest.fixture(scope='session')
def small_model(tmp_path_factory):
    pytest.importorskip('mmpose')
    return write_model(tmp_path_factory.mktemp('model'), window=2, padding=1.1)


class FakeEstimator:
    """Every crop's joints lie in the middle of its box; calls and crops are counted."""

    input_size = (6, 8)
    num_keypoints = 3

    def __init__(self, batch_size=4):
        self.batch_size = batch_size
        self.calls = []

    def crop(self, image, boxes):
        center, scale = geometry.boxes_to_center_scale(boxes, self.input_size)
        return np.zeros((len(boxes), 8, 6, 3), np.uint8), center, scale

    def forward(self, crops):
        self.calls.append(len(crops))
        middle = np.array(self.input_size, np.float32) / 2
        return np.tile(middle, (len(crops), 3, 1)), np.full((len(crops), 3), 0.5, np.float32)

    def to_image(self, keypoints, center, scale):
        return geometry.to_image(keypoints, center, scale, self.input_size)


@pytest.fixture(scope='session')
def fake_estimator():
    return FakeEstimator


@pytest.fixture(scope='session')
def real_pictures(shared):
    """Name -> (H, W, 3) uint8 BGR of some photographs with people."""
    pictures = {}
    with tarfile.open(shared / 'data' / 'small_sets.tar') as tar:
        for member in tar:
            if member.name.startswith('small_sets/mpii/') and member.name.endswith('.jpg'):
                data = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                pictures[member.name.rsplit('/', 1)[-1]] = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return pictures
