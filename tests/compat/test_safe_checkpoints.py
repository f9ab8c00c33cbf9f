import functools
import http.server
import io
import os
import threading
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner, checkpoint

from mmpose_amfac.compat import safe_checkpoints
from mmpose_amfac.errors import AMFACError

load = checkpoint.CheckpointLoader.load_checkpoint


def runner_content() -> dict:
    """What a Runner writes besides weights: log histories, numpy scalars and arrays."""
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    meta = dict(epoch=1, dataset_meta=dict(sigmas=np.array([0.1, 0.2], np.float32), keypoint_id2name={0: 'nose'}))
    log = dict(log_scalars={'loss': history}, runtime_info=dict(best=np.float64(0.5), count=np.int64(3)))
    return dict(meta=meta, message_hub=log, state_dict=dict(weight=torch.arange(3.0)))


class Call:
    """Pickled, it is a call of ``function``."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Only what is callable can be pickled as the function of another call."""


MALICIOUS = {
    'system': lambda marker: Call(os.system, f'touch {marker}'),
    'getattr of a module': lambda marker: Call(getattr, torch.nn.Module, 'load_state_dict'),
    'getattr of os': lambda marker: Call(Call(getattr, Call(import_module, 'os'), 'system'), f'touch {marker}'),
    'getattr of a history': lambda marker: Call(getattr, HistoryBuffer, 'register_statistics'),
    'eval': lambda marker: Call(eval, f'open({str(marker)!r}, "w")'),
}


def test_a_runner_file_loads(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    torch.save(runner_content(), file)
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(file)  # what mmengine does: the fault
    loaded = load(str(file), map_location='cpu')
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.5
    assert loaded['message_hub']['runtime_info'] == dict(best=0.5, count=3)
    assert loaded['meta']['dataset_meta']['sigmas'].tolist() == np.array([0.1, 0.2], np.float32).tolist()
    assert loaded['state_dict']['weight'].tolist() == [0, 1, 2]


def test_numpy_1_spelling_loads(tmp_path):
    file = tmp_path / 'old.pth'
    torch.save(dict(array=np.arange(3), scalar=np.float32(2)), file, _use_new_zipfile_serialization=False)
    content = file.read_bytes()
    assert b'numpy._core.multiarray' in content
    file.write_bytes(content.replace(b'numpy._core.multiarray', b'numpy.core.multiarray'))
    loaded = load(str(file))
    assert (loaded['array'].tolist(), loaded['scalar']) == ([0, 1, 2], 2)


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize('kind', MALICIOUS)
def test_code_is_refused(tmp_path, kind, zipped):
    marker, file = tmp_path / 'marker', tmp_path / 'evil.pth'
    torch.save(dict(runner_content(), extra=MALICIOUS[kind](marker)), file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(AMFACError) as error:
        load(str(file), map_location='cpu')
    assert str(file) in str(error.value)
    assert '\n' not in str(error.value)
    assert not marker.exists()


def test_the_error_names_what_was_refused(tmp_path):
    torch.save(Call(os.system, 'true'), tmp_path / 'evil.pth')
    with pytest.raises(AMFACError, match=r'evil\.pth: not loaded.*\(it refers to posix\.system\)'):
        load(str(tmp_path / 'evil.pth'))


def saved(content) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


OTHER_FILES = {
    'empty': b'',
    'text': b'hello text',
    'letter': b'e',
    'json': b'{"a": 1}',
    'html': b'<!doctype html>',
    'zeros': bytes(1024),
    'zip': b'PK\x03\x04' + b'x' * 100,
    'pickle': b'\x80\x02K\x01.',
    'cut off': saved(runner_content())[:-200],
    'number as state_dict': saved(dict(state_dict=5)),
    'number as meta': saved(dict(state_dict={}, meta=5)),
    'numbered tensors': saved({1: torch.zeros(1)}),
    'list': saved([torch.zeros(1)]),
    'tensor': saved(torch.zeros(1)),
}


@pytest.mark.parametrize('kind', OTHER_FILES)
def test_other_files_are_named_in_one_line(tmp_path, kind):
    file = tmp_path / 'weights.pth'
    file.write_bytes(OTHER_FILES[kind])
    with pytest.raises(AMFACError) as error:
        load(str(file), map_location='cpu')
    assert str(error.value).startswith(f'{file} is not a checkpoint that torch can read (')
    assert '\n' not in str(error.value) and 'weights_only=False' not in str(error.value)


def test_a_missing_file_stays_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / 'none.pth'))


@pytest.fixture
def schemes(monkeypatch):
    """A stand-in of MMEngine's module with a loader of its own."""

    def build(load):
        class Loader:
            _schemes = {'': load}

            @classmethod
            def register_scheme(cls, prefix, load, force):
                cls._schemes[prefix] = load

        return SimpleNamespace(CheckpointLoader=Loader, load_url=torch.hub.load_state_dict_from_url)

    return build


def test_a_torch_that_does_not_restrict_is_left_as_it_is(tmp_path, schemes, monkeypatch):
    """Before 2.6 (2.5 has an allow-list, without names): files load as ever, only the errors are ours."""
    monkeypatch.setattr(torch, 'load', functools.partial(torch.load, weights_only=False))
    monkeypatch.delattr(torch.serialization, 'safe_globals')
    module = schemes(lambda filename: torch.load(filename))
    safe_checkpoints.apply(module)
    assert module.load_url is torch.hub.load_state_dict_from_url
    torch.save(runner_content(), tmp_path / 'epoch_1.pth')
    guarded = module.CheckpointLoader._schemes['']
    assert guarded(tmp_path / 'epoch_1.pth')['message_hub']['log_scalars']['loss'].mean() == 1.5
    (tmp_path / 'empty.pth').write_bytes(b'')
    with pytest.raises(AMFACError, match='empty.pth is not a checkpoint'):
        guarded(tmp_path / 'empty.pth')


def test_whether_torch_restricts_is_tried(monkeypatch):
    assert safe_checkpoints._restricts()
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    assert not safe_checkpoints._restricts()


def test_torchs_advice_on_files_of_a_gpu_is_kept(schemes):
    def load(filename):
        raise RuntimeError('Attempting to deserialize object on a CUDA device; please use torch.load with map_location')

    module = schemes(load)
    safe_checkpoints.apply(module)
    with pytest.raises(RuntimeError, match='map_location'):
        module.CheckpointLoader._schemes['']('gpu.pth')


@pytest.fixture
def address(tmp_path, monkeypatch):
    """A server of ``tmp_path/served`` on this machine, with an empty download cache."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    (tmp_path / 'served').mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / 'served')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_downloads_are_held_to_the_same_list(tmp_path, address):
    marker, evil = tmp_path / 'marker', tmp_path / 'served' / 'evil.pth'
    torch.save(runner_content(), tmp_path / 'served' / 'good.pth')
    torch.save(Call(os.system, f'touch {marker}'), evil)
    assert load(f'{address}/good.pth')['message_hub']['log_scalars']['loss'].max() == 2
    with pytest.raises(AMFACError, match=f'{address}/evil.pth'):
        load(f'{address}/evil.pth')
    assert not marker.exists()
    torch.hub.load_state_dict_from_url(f'{address}/evil.pth')  # what mmengine calls: the fault
    assert marker.exists()


def test_a_second_call_changes_nothing():
    before = dict(checkpoint.CheckpointLoader._schemes), checkpoint.load_url
    safe_checkpoints.apply(checkpoint)
    assert (dict(checkpoint.CheckpointLoader._schemes), checkpoint.load_url) == before
    assert {'', 'http://', 'torchvision://', 'open-mmlab://'} <= before[0].keys()


def test_the_list_holds_only_while_mmengine_loads(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    torch.save(runner_content(), file)
    before = set(torch.serialization.get_safe_globals())  # torch lists a set, in any order
    load(str(file))
    assert set(torch.serialization.get_safe_globals()) == before
    assert HistoryBuffer not in before


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x, mode):
        return dict(loss=(self.layer(x) - 1).square().mean())


def test_a_real_runner_resumes(tmp_path):
    def run(epochs: int, **arguments) -> Runner:
        data = [dict(x=torch.tensor([float(number)])) for number in range(4)]
        runner = Runner(
            Line(),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                dataset=data, batch_size=2, sampler=dict(type='DefaultSampler'), collate_fn=dict(type='default_collate')
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
            param_scheduler=dict(type='MultiStepLR', milestones=[1], by_epoch=True),
            custom_hooks=[dict(type='EMAHook')],
            default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
            log_level='WARNING',
            experiment_name=f'{tmp_path.name}_{epochs}',
            **arguments,
        )
        runner.train()
        return runner

    run(2)
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(tmp_path / 'epoch_2.pth')  # the fault
    runner = run(3, resume=True)
    assert (runner.epoch, runner.iter) == (3, 6)
    # the two epochs before are in the history, which only the checkpoint could bring
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 6
