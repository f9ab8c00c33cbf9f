"""The paper's 14 complexity figures."""

import pytest
import torch

from benchmarks import zoo
from benchmarks.complexity import count, count_system, everything
from benchmarks.results import read

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


def test_committed_rows_are_what_the_command_counts(root):
    by_name = {row['name']: row for row in read(root / 'benchmarks/results/complexity.json', 'complexity')}
    assert list(by_name) == [system.name for system in everything()]
    for path, _, _, params, macs in ROWS.values():
        row = by_name[path.split('/')[1]]
        assert (row['params'], row['macs']) == (params, macs)
