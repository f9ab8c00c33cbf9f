"""The registry: every row can be found, every config lies where it should, figures are figures."""

import csv
import re
from pathlib import Path

import pytest
import torch

from benchmarks import zoo
from mmpose_amfac.apis import downloads
from mmpose_amfac.apis.downloads import published_digits
from mmpose_amfac.errors import AMFACError

SYSTEMS = zoo.systems()
NUMBERS = ('ap', 'ap50', 'ap75', 'apm', 'apl', 'ar', 'ap_easy', 'ap_medium', 'ap_hard', 'params_m', 'gmacs',
           'ap_metafile', 'ap_0x', 'report_ap', 'report_params_m', 'report_gmacs')
# one small member of each way to build
MEMBERS = ('td-hm_res50_8xb64-210e_coco-256x192', 'td-hm_swin-t-p4-w7_8xb32-210e_coco-256x192',
           'td-hm_ViTPose-small_8xb64-210e_coco-256x192', 'td-reg_res50_rle-8xb64-210e_coco-256x192',
           'ipr_res50_8xb64-210e_coco-256x256', 'simcc_res50_8xb64-210e_coco-256x192',
           'rtmpose-t_8xb256-420e_coco-256x192', 'rtmpose-x_8xb256-700e_coco-384x288',
           'ae_hrnet-w32_8xb24-300e_coco-512x512', 'dekr_hrnet-w32_8xb10-140e_coco-512x512',
           'cid_hrnet-w32_8xb20-140e_coco-512x512', 'rtmo-s_8xb32-600e_coco-640x640',
           'yoloxpose_tiny_4xb64-300e_coco-416', 'edpose_res50_8xb2-50e_coco-800x1333',
           'rtmdet_nano_320-8xb32_coco-person', 'rtmdet_tiny_8xb32-300e_coco', 'rtmdet_tiny_8xb32-300e_humanart',
           'amfacpose_r18_1xb32-140e_coco-256x192')


def test_names_are_unique_and_figures_are_numbers():
    with open(zoo.PUBLISHED, newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(SYSTEMS) >= 199
    for row in rows:
        assert all(not row[key] or float(row[key]) > 0 for key in NUMBERS), row['name']
        assert all(not row[key] or float(row[key]) < 100 for key in NUMBERS[:9]), row['name']
        assert row['source'] or row['config'].startswith('ours::'), row['name']


@pytest.mark.parametrize('name', [s.name for s in SYSTEMS.values() if s.source])
def test_config_is_there(name):
    system = SYSTEMS[name]
    assert zoo.config_file(system).is_file() and system.input_size
    # ours are trained by whoever wants them; whatever else can be built has weights, or a note that tells
    assert (system.source == 'ours' or system.checkpoint_url.endswith('.pth')
            or 'published nowhere' in system.published['note'])


@pytest.mark.parametrize('name', [s.name for s in SYSTEMS.values() if s.checkpoint_url])
def test_the_name_of_weights_has_their_digits(name):
    """In MMPose's three ways; ED-Pose's, which are those of its authors, have none."""
    file = SYSTEMS[name].checkpoint_url.rsplit('/', 1)[-1]
    digits = published_digits(file)
    assert (digits is None) == (file == 'edpose_res50_coco_3rdparty.pth')
    assert digits is None or (f'{digits}' in file and not digits.startswith('202'))


def test_addresses_of_weights_are_those_of_one_input_size():
    sizes = [(s, re.search(r'-(\d+x\d+)', Path(s.path).stem)) for s in SYSTEMS.values() if s.checkpoint_url]
    for system, size in sizes:
        if size and system.source == 'mmpose':
            assert size[1] in system.checkpoint_url.rsplit('/', 1)[-1], system.name


@pytest.mark.parametrize('config', ['topdown_heatmap/coco/td-hm_rsn18_8xb32-210e_coco-256x192.py',
                                    'topdown_heatmap/coco/td-hm_2xmspn50_8xb32-210e_coco-256x192.py',
                                    'dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py'])
def test_a_config_of_the_caller(config):
    """Several stages have several codecs; what it needs follows from its head, not from its folder."""
    import mmpose
    system = zoo.of_config(Path(mmpose.__file__).parent / '.mim/configs/body_2d_keypoint' / config)
    assert system.input_size == ((512, 512) if 'dekr' in config else (192, 256))
    assert system.needs_operators == ('DeformConv2d' if 'dekr' in config else '')


@pytest.mark.parametrize('name', MEMBERS)
def test_every_family_builds(name):
    system = zoo.find(name)
    with torch.device('meta'):
        model = zoo.build(system)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    published = system.published['params_m']
    assert not published or millions == pytest.approx(float(published), rel=0.03)


def test_what_is_not_known_is_one_line():
    with pytest.raises(AMFACError, match='nearest: rtmpose-m'):
        zoo.find('rtmpose-m_256x192')
    with pytest.raises(AMFACError, match='only published figures'):
        zoo.config_file(next(s for s in SYSTEMS.values() if not s.source))


def test_weights_from_a_folder_or_told(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    system = zoo.find('rtmpose-t_8xb256-420e_coco-256x192')
    name = system.checkpoint_url.rsplit('/', 1)[-1]
    (tmp_path / name).write_bytes(b'weights')
    with pytest.raises(AMFACError, match=f'{name} has the sha256 .* put the published one there'):
        zoo.weights(system, tmp_path)
    monkeypatch.setattr(downloads, 'sha256', lambda path: f'{downloads.published_digits(name)}{"0" * 56}')
    assert zoo.weights(system, tmp_path) == tmp_path / name
    with pytest.raises(AMFACError, match=f'downloads are switched off; or put {name}'):
        zoo.weights(system, tmp_path / 'none', offline=True)
    with pytest.raises(AMFACError, match='no published weights'):
        zoo.weights(zoo.find('amfacpose_r18_1xb32-140e_coco-256x192'))


def test_listing(capsys):
    assert zoo.main(['rtmo', 'crowdpose']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and all('rtmo' in line for line in lines[1:])
    with pytest.raises(AMFACError, match="no system has 'moon'"):
        zoo.main(['moon'])
