"""Every config that is shipped: builds, trains a step, traces."""

import math
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS, TRANSFORMS
from mmpose.structures import PoseDataSample

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / 'configs').glob('*/*.py')
                 if p.parent.name not in ('_base_', 'deploy'))


def load(path):
    cfg = Config.fromfile(ROOT / path)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    return cfg, MODELS.build(cfg.model)


def batch(cfg, model, count=2):
    from mmengine.structures import InstanceData
    width, height = cfg.codec.input_size
    joints = model.head.out_channels
    g = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 3, height, width, generator=g)
    samples = []
    for _ in range(count):
        points = torch.rand(1, joints, 2, generator=g) * torch.tensor([width - 1, height - 1])
        encoded = model.head.decoder.encode(points.numpy())
        sample = PoseDataSample()
        sample.gt_instance_labels = InstanceData(**{k: torch.from_numpy(v) for k, v in encoded.items()})
        samples.append(sample)
    return inputs, samples


def test_there_are_configs_and_their_names_are_unique():
    # mim searches by base name
    assert len(CONFIGS) >= 17
    names = [p.name for p in (ROOT / 'configs').rglob('*.py')]
    assert len(set(names)) == len(names)


# the large inputs take seconds each
STEPS = [c if 'real_data' in c or 'lspet' in c else pytest.param(c, marks=pytest.mark.slow) for c in CONFIGS]


@pytest.mark.parametrize('path', STEPS)
def test_one_step(path):
    cfg, model = load(path)
    losses = model.train()(*batch(cfg, model), mode='loss')
    losses['loss_kpt'].backward()
    assert math.isfinite(losses['loss_kpt'].item())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f'{name} gets no gradient'
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, f'{name} has a zero gradient'
    assert all(torch.isfinite(b).all() for b in model.buffers())


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS)
def test_both_exporters_trace(path, tmp_path):
    cfg, model = load(path)
    model.eval()

    class Network(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model.head.vectors(self.model.extract_feat(x))

    x = batch(cfg, model, 1)[0]
    network = Network().eval()
    with torch.no_grad():
        expected = network(x)
        traced = torch.jit.trace(network, x)(x)
        exported = torch.export.export(network, (x, )).module()(x)
    for a, b, c in zip(expected, traced, exported):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(a, c, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('path', CONFIGS)
def test_pipelines_and_evaluators_are_known_and_agree(path):
    cfg, model = load(path)
    size, trained = tuple(cfg.codec.input_size), cfg.train_dataloader.dataset
    augments = model.data_preprocessor.batch_augments
    # crops that are packed have no pipeline: whole batches are augmented
    for pipeline in [cfg.val_pipeline] if augments else [cfg.train_pipeline, cfg.val_pipeline]:
        affine = next(t for t in pipeline if t.type == 'TopdownAffine')
        assert tuple(affine.input_size) == size == tuple(model.head.decoder.input_size)
        assert all(TRANSFORMS.get(t.type) for t in pipeline)
    if augments:
        assert augments[0].codec.input_size == size and augments[0].codec.bins == model.head.decoder.bins
        for dataset in trained.get('datasets', [trained]):
            assert dataset.type == 'PackedCrops' and tuple(dataset.input_size) == size
            assert DATASETS.get(dataset.dataset.type)
    else:
        assert DATASETS.get(trained.type) and trained.pipeline == cfg.train_pipeline
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline == cfg.val_pipeline and loader.dataset.test_mode
    assert cfg.default_hooks.checkpoint.save_best == f'{cfg.val_evaluator.get("prefix", "coco")}/AP'


def metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    return [ROOT / name for name in index['Import']]


def test_every_config_stands_in_a_metafile_and_aliases_are_unique():
    entries = [m for f in metafiles() for m in yaml.safe_load(f.read_text())['Models']]
    assert sorted(e['Config'] for e in entries) == CONFIGS
    aliases = [a for e in entries for a in e.get('Alias', [])]
    assert len(set(aliases)) == len(aliases) and 'amfacpose' in aliases
    for entry in entries:
        assert entry['Name'] == Path(entry['Config']).stem
        if 'Weights' in entry:
            assert (ROOT / entry['Weights']).is_file()


def test_every_family_has_its_page():
    for metafile in metafiles():
        page = metafile.with_name('README.md').read_text()
        for entry in yaml.safe_load(metafile.read_text())['Models']:
            assert Path(entry['Config']).name in page
