"""Other joints than COCO's 17: a config delta trains, evaluates, and takes what fits of a 17-joint model."""

import json
import tarfile

import numpy as np
import pytest
import torch

from mmpose_amfac.paths import mim_root

pytestmark = pytest.mark.slow
OPTIONS = ['--cfg-options', 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=4', 'val_dataloader.batch_size=4',
           'optim_wrapper.type=OptimWrapper', 'default_hooks.logger.interval=1']


@pytest.fixture(scope='module')
def lspet(shared, tmp_path_factory):
    """Eight pictures of LSPET and the two sample pictures of CrowdPose, laid out as the configs read them."""
    import gzip
    folder = tmp_path_factory.mktemp('skeleton')
    real = folder / 'data/real'
    real.mkdir(parents=True)
    data = json.loads(gzip.decompress((shared / 'data/lspet_train.json.gz').read_bytes()))
    with tarfile.open(shared / 'data/lspet_train-00.tar') as archive:
        members = [m for m in archive.getmembers() if m.isfile()][:8]
        archive.extractall(real, members=members, filter='data')
    names = {m.name for m in members}
    data['images'] = [i for i in data['images'] if i['file_name'] in names]
    ids = {i['id'] for i in data['images']}
    data['annotations'] = [a for a in data['annotations'] if a['image_id'] in ids]
    assert len(data['images']) == len(data['annotations']) == 8
    (real / 'lspet_train.json').write_text(json.dumps(data))
    with tarfile.open(shared / 'data/small_sets.tar') as archive:
        archive.extractall(folder, members=[m for m in archive.getmembers() if '/crowdpose/' in m.name], filter='data')
    crowd = folder / 'data/crowdpose'
    (crowd / 'annotations').mkdir(parents=True)
    source = folder / 'small_sets/crowdpose'
    (source / 'test_crowdpose.json').rename(crowd / 'annotations/mmpose_crowdpose_test.json')
    source.rename(crowd / 'images')
    return folder


@pytest.mark.parametrize('config, metric', [
    ('amfacpose_r18_1xb64-1e_lspet14-128x96.py', 'coco/AP'),
    ('amfacpose_r18_1xb64-1e_lspet-crowdpose14-128x96.py', 'crowdpose/AP(M)'),
])
def test_trains_and_evaluates(lspet, run, config, metric):
    work = lspet / config
    run('-m', 'mim', 'train', 'mmpose_amfac', config, '--gpus', '0', '--work-dir', work, *OPTIONS, cwd=lspet)
    records = [json.loads(line) for f in work.glob('*/vis_data/scalars.json') for line in f.read_text().splitlines()]
    losses = [r['loss_kpt'] for r in records if 'loss_kpt' in r]
    assert losses and np.isfinite(losses).all()
    assert [r for r in records if metric in r]
    state = torch.load(work / 'epoch_1.pth', weights_only=False)['state_dict']
    assert state['head.embedding.weight'].shape[0] == 14 * 40


def test_fine_tunes_from_17_joints_and_lists_what_it_did_not_load(lspet, run):
    from mmpose_amfac.model_index import find
    weights = find('amfacpose').weights
    work = lspet / 'fine'
    done = run(mim_root() / 'tools/train.py', mim_root() / 'configs/lspet/amfacpose_r18_1xb64-1e_lspet14-128x96.py',
               '--work-dir', work, '--no-validate', *OPTIONS, f'load_from={weights}', 'optim_wrapper.optimizer.lr=0.0',
               cwd=lspet)
    assert 'size mismatch for head.embedding.weight' in ' '.join((done.stdout + done.stderr).split())
    state = torch.load(work / 'epoch_1.pth', weights_only=False)['state_dict']
    released = torch.load(weights, weights_only=True)['state_dict']
    torch.testing.assert_close(state['head.mlp_x.0.weight'], released['head.mlp_x.0.weight'].float())
