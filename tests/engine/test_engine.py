import random

import numpy as np
import pytest
import torch
from mmengine.registry import HOOKS, OPTIM_WRAPPERS
from mmpose.registry import TRANSFORMS

from mmpose_amfac.datasets import SeededAugmentation
from mmpose_amfac.engine import AutocastOptimWrapper, ProtocolHook
from mmpose_amfac.errors import AMFACError


class Runner:
    """The attributes of MMEngine's runner that the hooks read."""

    def __init__(self, dataset, seed=7, epoch=2, model=None):
        loader = type('Loader', (), dict(dataset=dataset))()
        self.train_dataloader = self.val_dataloader = self.test_dataloader = loader
        self.seed, self.epoch, self.model = seed, epoch, model


def draw(transform, index, path='set/a.png'):
    transform(dict(sample_idx=index, img_path=path))
    return random.random(), float(np.random.rand())


def test_draws_depend_on_seed_epoch_and_sample_alone():
    transform = TRANSFORMS.build(dict(type='SeededAugmentation'))
    seen = {}
    for state in ((0, 0), (0, 1), (1, 0)):
        transform.set_state(*state)
        for index in range(3):
            for path in ('set/a.png', 'other/a.png'):
                seen[(*state, index, path)] = draw(transform, index, path)
    assert len(set(seen.values())) == len(seen)
    transform.set_state(0, 1)
    np.random.rand(17)
    assert draw(transform, 2, 'elsewhere/../set/a.png') == seen[(0, 1, 2, 'set/a.png')]


def test_the_hook_reaches_wrapped_data_sets_and_persistent_workers():
    from torch.utils.data import DataLoader, Dataset

    class Pictures(Dataset):

        def __init__(self):
            self.transform = SeededAugmentation()
            self.pipeline = type('Compose', (), dict(transforms=[self.transform]))()

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return draw(self.transform, index)[1]

    class Wrapper:
        pipeline = type('Compose', (), dict(transforms=[]))()

        def __init__(self, inner):
            self.datasets = [inner]

    inner = Pictures()
    loader = DataLoader(inner, batch_size=4, num_workers=1, persistent_workers=True)
    hook = HOOKS.build(dict(type='SeededAugmentationHook'))
    epochs = []
    for epoch in (0, 1):
        hook.before_train_epoch(Runner(Wrapper(inner), epoch=epoch))
        epochs.append(next(iter(loader)))
    expected = []
    for epoch in (0, 1):
        inner.transform.set_state(7, epoch)
        expected.append(torch.tensor([inner[i] for i in range(4)], dtype=torch.float64))
    assert torch.equal(epochs[0], expected[0]) and torch.equal(epochs[1], expected[1])


def test_the_hook_wants_its_transform():
    dataset = type('Data', (), dict(pipeline=type('Compose', (), dict(transforms=[]))()))()
    with pytest.raises(AMFACError, match='SeededAugmentation'):
        HOOKS.build(dict(type='SeededAugmentationHook')).before_train_epoch(Runner(dataset))


@pytest.mark.parametrize('boxes, expected', [(None, 'ground truth'), ('a.json', 'detector (a.json)')])
def test_protocol_stands_beside_the_ap(boxes, expected):
    dataset = type('Data', (), dict(bbox_file=boxes))()
    model = type('Model', (), dict(test_cfg=dict(flip_test=True)))()
    for call in ('after_val_epoch', 'after_test_epoch'):
        metrics = {'coco/AP': 0.5}
        getattr(ProtocolHook(), call)(Runner(dataset, model=model), metrics=metrics)
        assert metrics == {'coco/AP': 0.5, 'protocol/boxes': expected, 'protocol/flip_test': 'True'}


def test_autocast_wrapper_computes_in_bfloat16_and_steps_in_float32():
    layer = torch.nn.Linear(4, 4)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(dict(type='AutocastOptimWrapper', optimizer=optimizer))
    assert isinstance(wrapper, AutocastOptimWrapper)
    before = layer.weight.clone()
    with wrapper.optim_context(layer):
        out = layer(torch.ones(2, 4))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert layer.weight.dtype == torch.float32 and not torch.equal(before, layer.weight)
