"""build_detector: what a spec may be, where weights come from, and MMDetection's person class."""

import hashlib
import http.server
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from mmpose_amfac.apis import build_detector
from mmpose_amfac.apis import detectors as module
from mmpose_amfac.apis.detectors import PUBLISHED, Published
from mmpose_amfac.apis.downloads import cache_folder, fetch
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.runtime import OnnxDetector, WholeImage

CONTENT = b'weights of a detector'
DIGEST = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return cache_folder()


@pytest.fixture
def server():
    """An address that serves ``CONTENT`` under any name but ``gone``, and the list of what was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):

        def do_GET(self):  # noqa: N802
            asked.append(self.path)
            self.send_response(404 if 'gone' in self.path else 200)
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{httpd.server_port}', asked
    httpd.shutdown()
    httpd.server_close()


def test_address_then_cache(server, cache):
    """The second call does not open the address; no partial file is left."""
    address, asked = server
    path = fetch(f'{address}/det-{DIGEST}.pth', 'remedy')
    assert path == cache / f'det-{DIGEST}.pth' and path.read_bytes() == CONTENT
    assert fetch(f'{address}/det-{DIGEST}.pth', 'remedy', offline=True) == path
    assert len(asked) == 1
    assert list(cache.iterdir()) == [path]


@pytest.mark.parametrize('name', ['det-{}', 'det-{}_20220923', 'det_{}-20230207', 'det_512x512_{}-20230207', 'words',
                                  'det_20220902_112414-{}', 'edpose_res50_coco_3rdparty'])
def test_checksums_in_the_ways_of_mmpose(server, cache, name):
    """Behind a line or a dash, a date behind it or none; a name without one is taken as it comes."""
    file = f'{name.format(DIGEST)}.pth'
    assert fetch(f'{server[0]}/{file}', 'remedy').read_bytes() == CONTENT
    if '{}' in name:
        with pytest.raises(AMFACError, match='its name says 0badc0de'):
            fetch(f'{server[0]}/{name.format("0badc0de")}.pth', 'remedy')


def test_wrong_checksum_is_refused_and_not_kept(server, cache):
    with pytest.raises(AMFACError, match=f'sha256 {DIGEST}.*its name says 00000000.*8 digits that are published'):
        fetch(f'{server[0]}/det-00000000.pth', 'remedy')
    assert list(cache.iterdir()) == []


def test_damaged_cache_is_refused(cache):
    cache.mkdir(parents=True)
    (cache / f'det-{DIGEST}.pth').write_bytes(b'damaged')
    with pytest.raises(AMFACError, match='delete'):
        fetch(f'http://127.0.0.1:9/det-{DIGEST}.pth', 'remedy')


@pytest.mark.parametrize('name, offline', [('gone', False), ('det', True)])
def test_not_to_be_had_names_the_remedy(server, cache, name, offline):
    with pytest.raises(AMFACError, match='--det-weights FILE') as error:
        fetch(f'{server[0]}/{name}-{DIGEST}.pth', 'with a local copy: --det-weights FILE', offline)
    assert '\n' not in str(error.value)
    assert offline == (not server[1])


def test_closed_port_is_unreachable(cache):
    with pytest.raises(AMFACError, match='cannot be reached'):
        fetch(f'http://127.0.0.1:9/det-{DIGEST}.pth', 'remedy')


@pytest.mark.parametrize('offline', [False, True])
def test_cache_that_cannot_be_written_is_told_as_such(server, tmp_path, monkeypatch, offline):
    """Not as a network that fails; the other folder and the local copy are the ways out."""
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    with pytest.raises(AMFACError) as error:
        fetch(f'{server[0]}/det-{DIGEST}.pth', 'REMEDY', offline)
    if offline:
        assert 'downloads are switched off; REMEDY' in str(error.value)
        return
    assert str(error.value) == (f'the cache folder {tmp_path}/file/mmpose_amfac cannot be written (Not a directory): '
                                'set XDG_CACHE_HOME to another one, or REMEDY')
    assert server[1] == []


def test_full_disk_is_no_network_failure(server, cache, monkeypatch):
    import errno
    real = Path.open

    class Full:

        def __init__(self, file):
            self.file = file

        def write(self, block):
            raise OSError(errno.ENOSPC, 'No space left on device')

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

    monkeypatch.setattr(Path, 'open', lambda self, mode='r', *rest: Full(real(self, mode, *rest)) if mode == 'wb'
                        else real(self, mode, *rest))
    with pytest.raises(AMFACError, match='cannot be written .No space left on device.'):
        fetch(f'{server[0]}/det-{DIGEST}.pth', 'remedy')
    assert list(cache.iterdir()) == []


def test_answer_that_is_not_http_is_one_line(cache):

    class Handler(http.server.BaseHTTPRequestHandler):

        def handle(self):
            self.rfile.readline()
            self.wfile.write(b'nonsense\r\n\r\n')

    with http.server.HTTPServer(('127.0.0.1', 0), Handler) as httpd:
        threading.Thread(target=httpd.handle_request, daemon=True).start()
        with pytest.raises(AMFACError, match='cannot be reached') as error:
            fetch(f'http://127.0.0.1:{httpd.server_port}/det-{DIGEST}.pth', 'remedy')
    assert '\n' not in str(error.value) and list(cache.iterdir()) == []


def test_table_is_spelled_as_in_mmpose():
    """Configs lie in the installed MMPose, names end in a checksum, rtmdet-m's address is MMPose's own default."""
    mmpose = pytest.importorskip('mmpose')
    folder = Path(mmpose.__file__).parent / '.mim' / 'demo' / 'mmdetection_cfg'
    for published in PUBLISHED.values():
        assert (folder / published.config).is_file()
        assert int(Path(published.address).stem.rsplit('-', 1)[-1], 16) > 0
    from mmpose.apis.inferencers.utils import default_det_models
    assert default_det_models['human']['weights'] == PUBLISHED['rtmdet-m'].address


def test_search_order_of_an_alias(server, cache, tmp_path, monkeypatch):
    """The file given, then the cache, then the address."""
    address, asked = server
    built = []
    monkeypatch.setattr(module, 'MMDetDetector', lambda config, weights, *rest: built.append((config, weights, rest)))
    entry = Published('rtmdet_nano_320-8xb32_coco-person.py', f'{address}/det-{DIGEST}.pth')
    monkeypatch.setitem(PUBLISHED, 'rtmdet-nano', entry)
    build_detector('rtmdet-nano', weights=tmp_path / 'own.pth')
    assert asked == []
    build_detector('rtmdet-nano', device='cpu', score_thr=0.4)
    build_detector('rtmdet-nano', offline=True)
    assert asked == [f'/det-{DIGEST}.pth']
    cached = cache / f'det-{DIGEST}.pth'
    assert [weights for _, weights, _ in built] == [tmp_path / 'own.pth', cached, cached]
    assert built[0][0].name == entry.config and built[1][2] == ('cpu', 0.4)


def test_whole_image():
    boxes, scores = build_detector('whole_image')(np.zeros((30, 40, 3), np.uint8))
    assert boxes.tolist() == [[0, 0, 40, 30]] and scores.tolist() == [1]


@pytest.mark.parametrize('spec', ['C.py:W.pth', ('C.py', 'W.pth')])
def test_pairs_of_config_and_weights(spec, monkeypatch):
    built = []
    monkeypatch.setattr(module, 'MMDetDetector', lambda *args: built.append(args))
    build_detector(spec)
    assert built[0][:2] == ('C.py', 'W.pth')


@pytest.mark.parametrize('kwargs, message', [
    (dict(spec='rtmdet-x'), "'rtmdet-x' is not known; give one of rtmdet-nano, rtmdet-m, whole_image"),
    (dict(spec='det.py'), '--det det.py --det-weights FILE.pth'),
    (dict(spec='none.py', weights='w.pth'), 'none.py does not exist'),
    (dict(spec='none.onnx'), 'none.onnx does not exist'),
    (dict(spec='whole_image', weights='w.pth'), 'not to --det whole_image'),
    (dict(spec='whole_image', score_thr=3), 'score_thr=3'),
    (dict(spec='rtmdet-nano', score_thr=3), 'score_thr=3'),
])
def test_mistakes_are_one_line(kwargs, message):
    with pytest.raises(AMFACError, match=message) as error:
        build_detector(**kwargs)
    assert '\n' not in str(error.value)


def test_onnx_file(shared):
    detector = build_detector(str(shared / 'models' / 'rtmdet_nano_person.onnx'), score_thr=0.6, threads=1)
    assert detector.engine.session.get_session_options().intra_op_num_threads == 1
    assert isinstance(detector, OnnxDetector) and detector.score_thr == 0.6


@pytest.fixture(scope='module')
def random_rtmdet(tmp_path_factory):
    """RTMDet-nano with random weights; ``score_thr`` of the config is 0, so it always finds something."""
    mmpose = pytest.importorskip('mmpose')
    pytest.importorskip('mmdet')
    import torch
    from mmdet.apis import init_detector
    from mmengine.config import Config
    folder = tmp_path_factory.mktemp('det')
    config = Config.fromfile(Path(mmpose.__file__).parent / '.mim' / 'demo' / 'mmdetection_cfg' /
                             PUBLISHED['rtmdet-nano'].config)
    config.model.test_cfg.score_thr = 0.0
    config.dump(folder / 'det.py')
    torch.manual_seed(0)
    state = init_detector(str(folder / 'det.py'), device='cpu').state_dict()
    for classes in (('person', ), ('cat', )):
        torch.save(dict(state_dict=state, meta=dict(dataset_meta=dict(classes=classes))),
                   folder / f'{classes[0]}.pth')
    return folder


@pytest.mark.slow
def test_mmdet_detector(random_rtmdet, astronaut):
    """Persons only, inside the picture, best first, thresholded; same boxes as MMDetection's own call."""
    from mmdet.apis import inference_detector
    detector = build_detector(f'{random_rtmdet / "det.py"}:{random_rtmdet / "person.pth"}', score_thr=0.0)
    boxes, scores = detector(astronaut)
    theirs = inference_detector(detector.model, astronaut).pred_instances
    assert len(boxes) > 10 and boxes.shape == (len(scores), 4)
    assert (np.diff(scores) <= 0).all()
    assert boxes.min() >= 0 and boxes.max() <= 512
    np.testing.assert_allclose(scores[0], theirs.scores.max().item(), rtol=1e-4)
    middle = float(np.median(scores))
    kept = build_detector((random_rtmdet / 'det.py', random_rtmdet / 'person.pth'), score_thr=middle)(astronaut)[1]
    assert len(kept) == (scores >= middle).sum()
    assert isinstance(build_detector('whole_image'), WholeImage)


def test_mmdet_detector_without_persons(random_rtmdet):
    with pytest.raises(AMFACError, match="no class 'person', only cat"):
        build_detector(str(random_rtmdet / 'det.py'), random_rtmdet / 'cat.pth')


def test_weights_of_another_model_are_refused(random_rtmdet, tmp_path):
    """A pose file fits nowhere; MMDetection alone would find a hundred persons with random weights."""
    import torch
    torch.save(dict(state_dict={'head.mlp_x.0.weight': torch.zeros(3, 4)}), tmp_path / 'pose.pth')
    with pytest.raises(AMFACError, match=r'pose\.pth are not weights of .*det\.py') as error:
        build_detector(str(random_rtmdet / 'det.py'), tmp_path / 'pose.pth')
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('meta', [dict(CLASSES=('cat', 'person')), dict(dataset_meta=dict(CLASSES=['cat', 'person'])),
                                  None])
def test_published_files_of_any_age_load(random_rtmdet, tmp_path, meta):
    """Classes in either spelling or none (COCO's), and the means and deviations that many files carry."""
    import torch
    content = torch.load(random_rtmdet / 'person.pth')
    content['state_dict'] |= {'data_preprocessor.mean': torch.zeros(3), 'data_preprocessor.std': torch.ones(3)}
    torch.save(content | dict(meta=meta), tmp_path / 'old.pth')
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='checkpoint is None')
        detector = build_detector(str(random_rtmdet / 'det.py'), tmp_path / 'old.pth')
    assert list(detector.model.dataset_meta['classes'])[detector._person] == 'person'
    assert len(detector.model.dataset_meta['classes']) == (80 if meta is None else 2)


def test_missing_mmdet_gives_the_command(random_rtmdet, monkeypatch):
    import sys
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    with pytest.raises(MissingPackageError, match='pip install --no-deps mmdet'):
        build_detector(str(random_rtmdet / 'det.py'), random_rtmdet / 'person.pth')
