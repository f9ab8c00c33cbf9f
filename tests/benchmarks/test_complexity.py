"""The paper's 14 complexity figures."""

import csv
from pathlib import Path

import pytest
import torch

from benchmarks import complexity, zoo
from benchmarks.complexity import count, count_system, everything
from benchmarks.results import RESULTS, read

# row: config, published M params and G, and the full-precision counts of the default setting
ROWS = {
    'baseline': ('ablation/amfacpose_r34-baseline_1xb32-140e_coco-384x288', '3.3', '4.70', 3262488, 4703878656),
    '+ AFPN': ('ablation/amfacpose_r34-afpn_1xb32-140e_coco-384x288', '3.5', '5.0', 3511832, 5046534144),
    '+ DGCB': ('ablation/amfacpose_r34-afpn-dgcb_1xb32-140e_coco-384x288', '3.6', '5.0', 3561752, 5046583296),
    '+ SCRM': ('ablation/amfacpose_r34-afpn-dgcb-scrm_1xb32-140e_coco-384x288', '3.6', '5.2', 3603368, 5156080704),
    '+ SE': ('ablation/amfacpose_r34-afpn-dgcb-scrm-se_1xb32-140e_coco-384x288', '3.8', '5.2', 3778648, 5156254784),
    '+ CoordConv': ('coco/amfacpose_r34_1xb32-140e_coco-384x288', '3.8', '5.2', 3780968, 5219955776),
    'R18 256x256': ('coco/amfacpose_r18_1xb32-140e_coco-256x256', '2.4', '1.9', 2412736, 1933409920),
}


@pytest.mark.parametrize('row', ROWS)
def test_published_figures(root, row):
    path, published_params, published_macs, params, macs = ROWS[row]
    counted = count_system(zoo.of_config(root / f'configs/{path}.py'))
    assert (counted.params, counted.macs) == (params, macs)
    assert f'{counted.params / 1e6:.1f}' == published_params
    assert f'{counted.macs / 1e9:.{len(published_macs) - 2}f}' == published_macs


@pytest.mark.parametrize('path, params, macs', [
    ('coco/amfacpose_r18_1xb32-140e_coco-384x288', 2597376, 3258711680),
    ('coco/amfacpose_r34_1xb32-140e_coco-256x256', 3596328, 3095630912),
    ('coco/amfacpose_r34_1xb32-140e_coco-256x192', 3522472, 2323035200),
    ('coco/amfacpose_r18_1xb32-140e_coco-256x192', 2338880, 1451368064),
    ('crowdpose/amfacpose_r34_1xb32-140e_crowdpose-384x288', 3773168, 5164549184),
])
def test_other_configs(root, path, params, macs):
    counted = count_system(zoo.of_config(root / f'configs/{path}.py'))
    assert (counted.params, counted.macs) == (params, macs)


def test_torch_counts_the_same(r18, r18_config):
    from torch.utils.flop_counter import FlopCounterMode
    width, height = r18_config.codec.input_size
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        r18(torch.zeros(1, 3, height, width), None, mode='tensor')
    assert counter.get_total_flops() == 2 * count(r18, (width, height)).macs


COMMITTED = {row['name']: row for row in read(RESULTS / 'complexity.json', 'complexity')}


def test_committed_rows_are_what_the_command_counts():
    assert sorted(COMMITTED) == sorted(system.name for system in everything())
    for path, _, _, params, macs in ROWS.values():
        row = COMMITTED[path.split('/')[1]]
        assert (row['params'], row['macs']) == (params, macs)


@pytest.mark.parametrize('name', COMMITTED)
def test_committed_rows_stand_beside_what_is_published_now(name):
    """Within 3 % of it, or with the reason."""
    row, system = COMMITTED[name], zoo.systems().get(name)
    if system is not None and not system.source:
        assert 'only published figures' in row['reason']
        return
    published = system.published if system else {}
    for key, field, counted, off in (('params_m', 'published_params_m', row['params'] / 1e6, 'params_off'),
                                     ('gmacs', 'published_gmacs', row['macs'] / 1e9, 'macs_off')):
        text = published.get(key, '')
        assert row[field] == (float(text) if text else None)
        if text:
            # the published figure is a rounded one
            half = 0.5 * 10 ** -len(text.partition('.')[2])
            apart = 0 if abs(counted - float(text)) <= half else counted / float(text) - 1
            assert row[off] == pytest.approx(apart, abs=1e-4) and (abs(apart) <= 0.03 or row['note'])
    assert row['note'] == published.get('complexity_note', '')
    source = system or zoo.of_config(next((zoo.mim_root() / 'configs').glob(f'*/{name}.py')))
    assert row['config_sha256'] == zoo.config_digest(source)


def test_figures_in_corrections_are_those_that_are_counted():
    with open(zoo.HERE / 'facts/corrections.csv', newline='', encoding='utf-8') as file:
        texts = {row['key']: row['correct'] for row in csv.DictReader(file)}
    for key, label, name in (
            ('vitpose-cost', 'ViTPose-H', 'td-hm_ViTPose-huge_8xb64-210e_coco-256x192'),
            ('vitpose-cost', 'ViTPose-L', 'td-hm_ViTPose-large_8xb64-210e_coco-256x192'),
            ('swin-cost', 'Swin-L 384x288', 'td-hm_swin-l-p4-w7_8xb32-210e_coco-384x288'),
            ('swin-cost', 'Swin-B 384x288', 'td-hm_swin-b-p4-w7_8xb32-210e_coco-384x288'),
            ('swin-cost', 'Swin-B 256x192', 'td-hm_swin-b-p4-w7_8xb32-210e_coco-256x192'),
            ('rtmo-l', 'RTMO-l', 'rtmo-l_16xb16-600e_coco-640x640')):
        row = COMMITTED[name]
        assert f'{label} {row["params"] / 1e6:.1f} M, {row["macs"] / 1e9:.1f} G' in texts[key]
    # fps of one picture against passes of ten in a second
    one, ten = (float(zoo.find('td-hm_res50_8xb64-210e_coco-256x192').published[key]) for key in (
        'gtx1660super_torch_fps', 'gtx1660super_torch_batch10_per_s'))
    assert f'{one:.1f} against {10 * ten:.0f} persons' in texts['batch-ten']
    assert f'{10 * ten / one:.2f} times' in texts['batch-ten']


def test_an_edited_copy_is_counted_and_a_system_that_fails_leaves_the_others(tmp_path, root, monkeypatch, capsys):
    name = 'amfacpose_r18_1xb32-140e_coco-256x192'
    out, copy = tmp_path / 'rows.json', tmp_path / f'{name}.py'
    only = next(s.name for s in zoo.systems().values() if not s.source)
    text = f"_base_ = '{root / 'configs/coco' / name}.py'\n"
    copy.write_text(text)
    assert complexity.main([name, str(copy), only, '--out', str(out)]) == 0
    first, figures = read(out, 'complexity')
    assert first['params'] == 2338880 and figures['reason'] == 'only published figures are known'
    with monkeypatch.context() as patch:
        patch.setattr(complexity, 'count_system', lambda system: pytest.fail('counted again'))
        assert complexity.main([name, str(copy), '--out', str(out)]) == 0
    copy.write_text(text + 'model = dict(neck=dict(modulation="none"))\n')
    assert complexity.main([str(copy), '--out', str(out)]) == 0
    edited = read(out, 'complexity')[2]
    assert edited['name'].startswith(f'{name} ') and edited['params'] < first['params']
    # what is published is that of now, a figure too far away is told, and a failure is a row
    system = zoo.find(name)
    monkeypatch.setitem(system.published, 'params_m', '9.9')
    assert complexity.main([name, '--out', str(out)]) == 1
    assert read(out, 'complexity')[0]['published_params_m'] == 9.9 and 'params_off' in capsys.readouterr().err
    monkeypatch.setattr(complexity, 'count_system', lambda system: 1 / 0)
    assert complexity.main(['rtmdet_nano_320-8xb32_coco-person', name, '--out', str(out)]) == 1
    assert 'ZeroDivisionError' in read(out, 'complexity')[3]['reason']


def test_counts_of_others(shared):
    """The same networks, counted before with other code."""
    with open(shared / 'spec' / 'zoo_measured_complexity.csv', newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    compared = 0
    for row in rows:
        ours = COMMITTED.get(Path(row['config']).stem)
        if ours is not None and row['gmacs_conv_matmul']:
            assert ours['params'] / 1e6 == pytest.approx(float(row['params_m']), abs=6e-4)
            assert ours['macs'] / 1e9 == pytest.approx(float(row['gmacs_conv_matmul']), abs=6e-4, rel=1e-4)
            compared += 1
    assert compared >= 100
