import functools
import http.server
import os
import threading
from importlib import import_module

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint

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


@pytest.fixture
def address(tmp_path, monkeypatch):
    """A server of ``tmp_path/served`` on this machine, with an empty download cache."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
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
    before = torch.serialization.get_safe_globals()
    load(str(file))
    assert torch.serialization.get_safe_globals() == before
    assert HistoryBuffer not in before
