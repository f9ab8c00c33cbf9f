"""Training as people start it: mim, tools, resume, two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

CONFIG = 'amfacpose_r18_1xb64-8e_real-64x48.py'
SMALL = ['train_dataloader.batch_size=4', 'val_dataloader.batch_size=4', 'test_dataloader.batch_size=4',
         'optim_wrapper.type=OptimWrapper', 'default_hooks.logger.interval=1']

pytestmark = pytest.mark.slow


def options(*extra):
    return ['--cfg-options', *SMALL, *extra]


def tensors(path):
    from mmengine.runner.checkpoint import _load_checkpoint
    return _load_checkpoint(str(path), map_location='cpu')


def equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_mim_train_and_test_from_any_folder(workspace, run):
    work = workspace / 'mim'
    run('-m', 'mim', 'train', 'mmpose_amfac', f'configs/real_data/{CONFIG}', '--gpus', '0', '--work-dir', work,
        *options('train_cfg.max_epochs=1', 'train_cfg.val_interval=1'), cwd=workspace)
    assert (work / 'epoch_1.pth').is_file()
    records = [json.loads(line) for f in work.glob('*/vis_data/scalars.json') for line in f.read_text().splitlines()]
    assert any('loss_kpt' in r for r in records)
    lines = [line for f in work.glob('*/*.log') for line in f.read_text().splitlines() if 'coco/AP: ' in line]
    assert lines and all('protocol/boxes: ground truth' in line for line in lines)

    out = workspace / 'metrics.json'
    done = run('-m', 'mim', 'test', 'mmpose_amfac', CONFIG, '--checkpoint', work / 'epoch_1.pth', '--out', out,
               *options(), cwd=workspace)
    report = json.loads(out.read_text())
    assert report['protocol']['boxes'] == dict(source='ground truth') and 0 <= report['metrics']['coco/AP'] <= 1
    assert report['protocol']['images'] == report['protocol']['persons'] == 4 and report['protocol']['flip_test']
    assert 'protocol/boxes: ground truth' in done.stdout + done.stderr


def random_weights(path, seed=0):
    """Weights of the 64x48 network as it is initialised."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from mmpose_amfac.paths import mim_root
    init_default_scope('mmpose')
    torch.manual_seed(seed)
    state = MODELS.build(Config.fromfile(mim_root() / 'configs/real_data' / CONFIG).model).state_dict()
    torch.save(dict(state_dict=state), path)
    return state


def test_detector_boxes_are_one_switch(workspace, run):
    # two boxes on the first picture, none on the last: other numbers than the ground truth has
    boxes = [dict(image_id=i, category_id=1, bbox=[5, 5, 60, 80], score=0.9) for i in (1, 1, 2)]
    (workspace / 'boxes.json').write_text(json.dumps(boxes))
    random_weights(workspace / 'random.pth')
    out = workspace / 'detector.json'
    from mmpose_amfac.paths import mim_root
    run(mim_root() / 'tools/test.py', mim_root() / 'configs/real_data' / CONFIG, workspace / 'random.pth', '--boxes',
        workspace / 'boxes.json', '--out', out, '--dump', workspace / 'dump.pkl',
        *options('load_from=nowhere.pth'), cwd=workspace)
    rules = json.loads(out.read_text())['protocol']
    assert rules['boxes']['source'] == 'detector' and rules['boxes']['files'] == ['boxes.json']
    assert len(rules['boxes']['sha256'][0]) == 64
    assert (rules['images'], rules['persons']) == (4, 3)
    import pickle
    assert [p['img_id'] for p in pickle.loads((workspace / 'dump.pkl').read_bytes())] == [1, 1, 2]


@pytest.mark.parametrize('weights, word', [('foreign', 'not weights of'), ('larger', 'another input size'),
                                           ('missing', 'missing')])
def test_no_figure_from_weights_that_do_not_fit(workspace, run, weights, word):
    from mmpose_amfac.model_index import find
    from mmpose_amfac.paths import mim_root
    path = workspace / f'{weights}.pth'
    if weights == 'foreign':
        torch.save(dict(state_dict=dict(foreign=torch.zeros(3))), path)
    elif weights == 'larger':
        path = find('amfacpose').weights
    out = workspace / f'{weights}.json'
    done = run(mim_root() / 'tools/test.py', mim_root() / 'configs/real_data' / CONFIG, path, '--out', out, *options(),
               cwd=workspace, check=False)
    assert done.returncode != 0 and not out.exists()
    assert word in done.stderr
    if weights != 'missing':
        assert done.stderr.strip().splitlines()[-1].startswith('test.py: error: ') and done.returncode == 2


def train(run, workspace, work, *extra, flags=()):
    from mmpose_amfac.paths import mim_root
    return run(mim_root() / 'tools/train.py', mim_root() / 'configs/real_data' / CONFIG, '--work-dir', work,
               '--no-validate', *flags, *options(*extra), cwd=workspace)


def test_three_resume_three_equals_six_even_after_a_kill(workspace, run):
    straight, broken = workspace / 'straight', workspace / 'broken'
    train(run, workspace, straight, 'train_cfg.max_epochs=6')
    train(run, workspace, broken, 'train_cfg.max_epochs=3')
    # killed in the middle of the fourth epoch
    from mmpose_amfac.paths import mim_root
    environment = {**os.environ, 'OMP_NUM_THREADS': '2', 'PYTHONUNBUFFERED': '1'}
    if (mim_root() / 'setup.py').exists():
        environment['PYTHONPATH'] = str(mim_root())
    with open(workspace / 'killed.log', 'w') as log:
        process = subprocess.Popen(
            [sys.executable, str(mim_root() / 'tools/train.py'), str(mim_root() / 'configs/real_data' / CONFIG),
             '--work-dir', str(broken), '--no-validate', '--resume', *options('train_cfg.max_epochs=6')],
            cwd=workspace, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    deadline = time.time() + 300
    while time.time() < deadline and process.poll() is None and 'Epoch(train) [4]' not in (
            workspace / 'killed.log').read_text():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 'resumed epoch: 3' in (workspace / 'killed.log').read_text()

    done = train(run, workspace, broken, 'train_cfg.max_epochs=6', flags=['--resume'])
    assert 'resumed epoch: ' in done.stdout + done.stderr
    one, two = tensors(straight / 'epoch_6.pth'), tensors(broken / 'epoch_6.pth')
    assert equal(one['state_dict'], two['state_dict'])
    assert equal(one['ema_state_dict'], two['ema_state_dict'])
    assert one['meta']['epoch'] == two['meta']['epoch'] == 6 and one['meta']['iter'] == two['meta']['iter']
    for a, b in zip(one['optimizer']['state'].values(), two['optimizer']['state'].values()):
        assert torch.equal(a['exp_avg'], b['exp_avg'])
    assert one['param_schedulers'][-1]['_last_value'] == two['param_schedulers'][-1]['_last_value']


def test_two_processes_equal_one(workspace, run):
    from mmpose_amfac.paths import mim_root
    base = mim_root() / 'configs/real_data' / CONFIG
    start = random_weights(workspace / 'start.pth')
    config = workspace / 'sgd.py'
    config.write_text(f"""_base_ = {str(base)!r}
model = dict(backbone=dict(norm_eval=True), neck=dict(norm_eval=True))
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
param_scheduler = None
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='SeededAugmentationHook')]
train_cfg = dict(max_epochs=1)
load_from = {str(workspace / 'start.pth')!r}
val_cfg = val_dataloader = val_evaluator = None
""")
    tool = mim_root() / 'tools/train.py'
    run(tool, config, '--work-dir', workspace / 'one', '--cfg-options', 'train_dataloader.batch_size=8', cwd=workspace)
    environment = {**os.environ, 'PORT': '29517', 'OMP_NUM_THREADS': '1',
                   'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'}
    if (mim_root() / 'setup.py').exists():
        environment['PYTHONPATH'] = str(mim_root())
    subprocess.run(['bash', str(mim_root() / 'tools/dist_train.sh'), str(config), '2', '--work-dir', 'two',
                    '--cfg-options', 'train_dataloader.batch_size=4'], cwd=workspace, env=environment, check=True,
                   capture_output=True, timeout=600)
    one, two = (tensors(workspace / name / 'epoch_1.pth') for name in ('one', 'two'))
    assert one['meta']['iter'] == two['meta']['iter'] == 2
    one, two = one['state_dict'], two['state_dict']
    moved = torch.stack([(one[k] - start[k]).norm() for k in start if start[k].is_floating_point()]).norm()
    apart = torch.stack([(one[k] - two[k]).norm() for k in start if start[k].is_floating_point()]).norm()
    assert moved > 1e-3
    assert apart / moved < 2e-3


def test_learning_rate_scales_with_the_batch(workspace, run):
    done = train(run, workspace, workspace / 'scaled', 'train_cfg.max_epochs=1', flags=['--auto-scale-lr'])
    # 4 pictures a step where the config was made for 64
    assert 'Scaling the original LR by 0.0625' in ' '.join((done.stdout + done.stderr).split())


def test_bfloat16_on_the_cpu(workspace, run):
    done = train(run, workspace, workspace / 'bf16', 'train_cfg.max_epochs=1', flags=['--amp'])
    assert 'AutocastOptimWrapper' in done.stdout + done.stderr
    state = tensors(workspace / 'bf16/epoch_1.pth')['state_dict']
    assert all(torch.isfinite(v).all() and v.dtype != torch.bfloat16 for v in state.values())
