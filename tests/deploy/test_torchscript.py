"""TorchScript files: ours run, and nothing of any other one does."""

import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_amfac.deploy import torchscript
from mmpose_amfac.deploy.export import deployable
from mmpose_amfac.deploy.script_check import check
from mmpose_amfac.errors import AMFACError


def opened(path):
    return torchscript.TorchScriptEngine(path, 'input', (None, 3, 96, 64), ('x', 'y'))


@pytest.mark.parametrize('row, modulation, calibration', [
    ('baseline', None, None), ('afpn', None, None), ('afpn-dgcb', 'product', None), ('afpn-dgcb-scrm', 'mask', None),
    ('afpn-dgcb-scrm-se', 'product', dict(slope=[1.8] * 17, offset=[2.5] * 17))])
def test_what_we_export_is_opened(root, tmp_path, row, modulation, calibration):
    config = Config.fromfile(root / f'configs/ablation/amfacpose_r34-{row}_1xb32-140e_coco-384x288.py')
    config.merge_from_dict({'model.backbone.depth': 18, 'model.head.decoder.input_size': (64, 96)})
    config.model.head.calibration = calibration
    if modulation:
        config.model.neck.modulation = modulation
    model = MODELS.build(config.model).eval()
    torchscript.write(deployable(model, 'torchscript', 'fp32')[0], torch.zeros(2, 3, 96, 64), tmp_path / 'm.ts')
    x, y = opened(tmp_path / 'm.ts')(np.zeros((1, 3, 96, 64), np.float32))
    assert x.shape == (1, 17, 128) and y.shape == (1, 17, 192)


class Writing(torch.nn.Module):
    def forward(self, x):
        torch.save(x, 'written')
        return x, x


class Mapping(torch.nn.Module):
    def forward(self, x):
        torch.from_file('written', True, 16).fill_(1.0)
        return x, x


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = Writing()

    def forward(self, x):
        return self.inside(x)


class Awaking(torch.nn.Module):
    """Runs as soon as it is loaded."""

    def __init__(self):
        super().__init__()
        self.value = torch.zeros(2)

    @torch.jit.export
    def __getstate__(self):
        return self.value, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        torch.save(state[0], 'written')
        self.value = state[0]
        self.training = state[1]

    def forward(self, x):
        return x, x


@pytest.mark.parametrize('module', [Writing, Mapping, Inner, Awaking])
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_strangers_modules_are_refused_before_they_run(tmp_path, monkeypatch, module):
    monkeypatch.chdir(tmp_path)
    torch.jit.script(module()).save('m.ts')
    with pytest.raises(AMFACError, match='^m.ts holds .*, which no export of ours has; it was not opened'):
        opened('m.ts')
    assert not (tmp_path / 'written').exists()


class Network(torch.nn.Module):
    """Of the name that ours have."""

    def forward(self, x):
        return torch.add(x, 1), torch.sigmoid(x)


@pytest.fixture
def rewritten(tmp_path):
    """A small file of ours whose records a function changes, or adds."""
    def make(edit=lambda name, content: content, **more):
        with torch.no_grad():
            torchscript.write(Network().eval(), torch.zeros(2, 3), tmp_path / 'whole.ts')
        with zipfile.ZipFile(tmp_path / 'whole.ts') as old, zipfile.ZipFile(tmp_path / 'm.ts', 'w') as new:
            for name in old.namelist():
                new.writestr(name, edit(name, old.read(name)))
            for name, content in more.items():
                new.writestr(f'whole/{name}', content)
        return tmp_path / 'm.ts'

    return make


def test_the_small_file_itself_is_fine(rewritten):
    check(rewritten())


@pytest.mark.parametrize('before, after, message', [
    (b'x: Tensor)', b'x: Tensor=torch.add(1, 2))', 'the method forward with 1 defaults'),
    (b'def forward', b'def __setstate__', 'the method __setstate__'),
    (b'torch.sigmoid', b'torch.save', 'a call of torch.save'),
    (b'torch.sigmoid', b'ops.aten.sigmoid', 'a call of ops.aten.sigmoid'),
    (b'torch.sigmoid', b'x.sigmoid', 'a call of x.sigmoid'),
    (b'torch.sigmoid(x)', b'[torch.sigmoid(x) for x in x]', 'code with ListComp'),
    (b'torch.sigmoid(x)', b'torch.sigmoid("x")', 'code with other characters'),
    (b'torch.sigmoid(x)', b'torch.sigmoid(x', 'code that cannot be read')])
def test_other_code_is_refused(rewritten, before, after, message):
    def edit(name, content):
        if not name.endswith('.py'):
            return content
        assert before in content
        return content.replace(before, after)

    with pytest.raises(AMFACError) as raised:
        check(rewritten(edit))
    assert f'holds {message}' in str(raised.value)


def test_other_records_and_objects_are_refused(rewritten):
    with pytest.raises(AMFACError, match="holds the record 'model.json'"):
        check(rewritten(**{'model.json': '{}'}))
    # the archive's names are read without regard to case
    with pytest.raises(AMFACError, match="holds the record 'CODE/__torch__/x.py'"):
        check(rewritten(**{'CODE/__torch__/x.py': ''}))

    def other(name, content):
        return b'\x80\x02c__torch__.torch.classes.quantized\nNetwork_\n)\x81.' if name.endswith('data.pkl') else content

    with pytest.raises(AMFACError, match="holds an object '__torch__.torch.classes.quantized Network_'"):
        check(rewritten(other))
    with pytest.raises(AMFACError, match='holds a pickle that cannot be read'):
        check(rewritten(lambda name, content: b'\xff' if name.endswith('data.pkl') else content))


def test_no_torchscript(tmp_path):
    (tmp_path / 'm.ts').write_bytes(b'x')
    with pytest.raises(AMFACError, match='m.ts is not a TorchScript file'):
        opened(tmp_path / 'm.ts')
