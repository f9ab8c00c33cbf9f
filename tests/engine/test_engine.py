import random

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS, OPTIM_WRAPPERS
from mmpose.registry import MODELS, TRANSFORMS

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


def pictures(folder, pipeline):
    """A data set of MMEngine over four files."""
    from mmengine.dataset import BaseDataset

    class Pictures(BaseDataset):

        def load_data_list(self):
            return [dict(img_path=f'{folder}/{i}.png') for i in range(4)]

    return Pictures(pipeline=pipeline, serialize_data=False)


class Draw:
    """Stands for a random transform; at module level, so that workers can have it."""

    def __call__(self, results):
        return float(np.random.rand())


def test_the_hook_reaches_persistent_workers():
    from torch.utils.data import DataLoader
    transform = SeededAugmentation()
    dataset = pictures('a', [transform, Draw()])
    loader = DataLoader(dataset, batch_size=4, num_workers=1, persistent_workers=True)
    hook = HOOKS.build(dict(type='SeededAugmentationHook'))
    for epoch in (0, 1):
        hook.before_train_epoch(Runner(dataset, epoch=epoch))
        seen = next(iter(loader))
        transform.set_state(7, epoch)
        assert torch.equal(seen, torch.tensor([dataset[i] for i in range(4)], dtype=torch.float64))


def test_the_hook_and_the_protocol_look_inside_wrappers():
    from mmengine.dataset import ConcatDataset, RepeatDataset
    transforms = [SeededAugmentation(), SeededAugmentation()]
    one, two = (pictures('a', [transform, Draw()]) for transform in transforms)
    wrapped = ConcatDataset([one, two])
    hook = HOOKS.build(dict(type='SeededAugmentationHook'))
    hook.before_train_epoch(Runner(wrapped, seed=5, epoch=3))
    assert [t.state.tolist() for t in transforms] == [[5, 3], [5, 3]]
    hook.before_train_epoch(Runner(RepeatDataset(one, 2), seed=6, epoch=4))
    assert [t.state.tolist() for t in transforms] == [[6, 4], [5, 3]]
    two.bbox_file = 'found.json'
    metrics = {'coco/AP': 0.5}
    ProtocolHook().after_val_epoch(Runner(wrapped), metrics=metrics)
    assert metrics['protocol/boxes'] == 'detector (found.json)'


def test_the_hook_wants_its_transform():
    dataset = type('Data', (), dict(pipeline=type('Compose', (), dict(transforms=[]))()))()
    with pytest.raises(AMFACError, match='SeededAugmentation'):
        HOOKS.build(dict(type='SeededAugmentationHook')).before_train_epoch(Runner(dataset))


def test_the_hook_wants_one_normalisation():
    codec = dict(type='AMFACSimCCLabel', input_size=(48, 64))

    def model(**options):
        preprocessor = MODELS.build(dict(
            type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
            batch_augments=[dict(dict(type='CropAugment', codec=codec), **options)]))
        return type('Model', (), dict(data_preprocessor=preprocessor))()

    dataset, hook = type('Data', (), {})(), HOOKS.build(dict(type='SeededAugmentationHook'))
    same = model()
    hook.before_train_epoch(Runner(dataset, model=same))
    assert same.data_preprocessor.batch_augments[0].entropy == (7, 2, 0)
    with pytest.raises(AMFACError, match='CropAugment.std=.* must be that of data_preprocessor'):
        hook.before_train_epoch(Runner(dataset, model=model(std=(1, 1, 1))))


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
    wrapper = OPTIM_WRAPPERS.build(dict(type='AutocastOptimWrapper', optimizer=optimizer, force=True))
    assert isinstance(wrapper, AutocastOptimWrapper)
    before = layer.weight.clone()
    with wrapper.optim_context(layer):
        out = layer(torch.ones(2, 4))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert layer.weight.dtype == torch.float32 and not torch.equal(before, layer.weight)


def test_autocast_wrapper_gives_losses_and_numpy_float32_of_any_head():
    """MMPose's heads call their own forward, and make numpy arrays of what it gives."""

    class Head(torch.nn.Linear):

        def loss(self, x):
            vectors = tuple(self.forward(x).split(2, -1))
            assert all(v.numpy(force=True).dtype == np.float32 for v in vectors)
            return torch.log_softmax(vectors[0], -1).sum()

    model = torch.nn.Module()
    model.head = Head(4, 4)
    wrapper = AutocastOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), force=True)
    with wrapper.optim_context(model):
        loss = model.head.loss(torch.ones(2, 4))
    assert loss.dtype == torch.float32
    with torch.autocast('cpu', torch.bfloat16):
        assert model.head.forward(torch.ones(2, 4)).dtype == torch.bfloat16
    wrapper.update_params(loss)


def test_a_cpu_without_bfloat16_trains_in_float32_and_says_so(monkeypatch, capsys):
    MMLogger.get_instance('engine')
    layer = torch.nn.Linear(4, 4)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    monkeypatch.setattr('mmpose_amfac.engine.autocast_optim_wrapper.get_device', lambda: 'cpu')
    wrapper = AutocastOptimWrapper(optimizer=optimizer)
    with wrapper.optim_context(layer):
        assert layer(torch.ones(2, 4)).dtype == torch.float32
    printed = capsys.readouterr()
    assert 'training in float32' in printed.out + printed.err
