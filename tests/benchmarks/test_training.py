"""``benchmarks.training``: experiments that build, and one small training from pictures to a row."""

import json
import shutil

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config
from mmpose.registry import MODELS

from benchmarks import training
from benchmarks.pages import experiments as pages
from benchmarks.results import read
from mmpose_amfac.errors import AMFACError

EXPERIMENTS = training.experiments()


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_every_experiment_builds_and_its_changes_are_entries_of_the_config(name):
    one = EXPERIMENTS[name]
    plain = Config.fromfile(training.FOLDER / one['config'])
    cfg = training.load(one)
    assert not one['options'] or cfg.to_dict() != plain.to_dict()
    MODELS.build(cfg.model)


@pytest.mark.parametrize('option', ['train_cgf.max_epochs', 'train_cfg.max_epoch_s', 'augment.0.hide_prob'])
def test_a_change_that_reaches_nothing_is_refused(option):
    one = dict(EXPERIMENTS['small'], options={option: 1})
    with pytest.raises(AMFACError, match=f'has no {option}'):
        training.load(one)


def test_a_choice_takes_references_along():
    assert [one['name'] for one in training.chosen(['small-adamw'])] == ['small', 'small-adamw']
    with pytest.raises(AMFACError, match='no experiment or group nothing'):
        training.chosen(['nothing'])


@pytest.mark.parametrize('entries, message', [
    ([dict(name='a')], 'has no config, group, question'),
    ([dict(name='a', group='g', config='c', question='q', against='b')], 'must be the name of one before it'),
    ([dict(name='a', group='g', config='c', question='q')] * 2, 'stands there twice')])
def test_a_broken_list(tmp_path, entries, message):
    (tmp_path / 'list.yaml').write_text(yaml.safe_dump(entries))
    with pytest.raises(AMFACError, match=message):
        training.experiments(tmp_path / 'list.yaml')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Eight people of noise, and two experiments of two steps on them."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(8):
        cv2.imwrite(str(tmp_path / f'{i}.png'), rng.integers(0, 255, (96, 72, 3), np.uint8))
        images.append(dict(id=i, file_name=f'{i}.png', width=72, height=96))
        points = np.c_[rng.uniform(10, 70, (17, 2)), np.full(17, 2)]
        annotations.append(dict(id=i + 1, image_id=i, category_id=1, iscrowd=0, area=3000.0, bbox=[5, 5, 60, 85],
                                num_keypoints=17, keypoints=points.ravel().tolist()))
    (tmp_path / 'eight.json').write_text(json.dumps(
        dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])))
    cfg = training.load(EXPERIMENTS['small'])
    data = dict(type='CocoDataset', data_root=str(tmp_path), data_mode='topdown', ann_file='eight.json',
                data_prefix=dict(img=''))
    cfg.merge_from_dict(dict(train_dataloader=dict(batch_size=4, dataset=dict(
        _delete_=True, type='PackedCrops', dataset=data, input_size=(48, 64), cache=str(tmp_path / 'packed')))))
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'CPUSpeedHook']
    cfg.dump(tmp_path / 'tiny.py')
    (tmp_path / 'list.yaml').write_text(yaml.safe_dump([
        dict(name='tiny', group='g', config='tiny.py', question='?'),
        dict(name='tiny-slow', group='g', config='tiny.py', question='?', against='tiny',
             options={'optim_wrapper.optimizer.lr': 0.001}),
        dict(name='tiny-wrong', group='g', config='tiny.py', question='?',
             options={'model.neck.modulation': 'none!'})]))
    known = training.experiments(tmp_path / 'list.yaml')
    monkeypatch.setattr(training, 'FOLDER', tmp_path)
    monkeypatch.setattr(training, 'experiments', lambda: known)
    return tmp_path


@pytest.mark.slow
def test_from_pictures_to_rows(folder, capsys):
    call = ['--ann', str(folder / 'eight.json'), '--images', str(folder), '--work-dir', str(folder / 'work'), '--out',
            str(folder / 'out.json')]
    assert training.main(call) == 1
    first, slow, wrong = read(folder / 'out.json', 'training')
    assert (first['samples'], first['steps']) == (8, 2) and 'difference' not in first
    assert slow['difference']['to'] == 'tiny' and slow['sha256'] != first['sha256']
    assert first['protocol']['score_mode'] == 'keypoint' and first['protocol']['keypoint_score_thr'] == 0
    assert first['protocol']['flip_test'] is True and first['protocol']['boxes']['source'] == 'ground truth'
    assert 'none!' in wrong['reason']
    weights = folder / 'work/tiny/epoch_1.pth'
    stamp = weights.stat().st_mtime_ns
    # what is there is not trained again, and is scored alike where only the row is gone
    (folder / 'out.json').unlink()
    assert training.main(['tiny', *call]) == 0
    assert weights.stat().st_mtime_ns == stamp
    again, = read(folder / 'out.json', 'training')
    assert again['metrics'] == first['metrics'] and again['sha256'] == first['sha256']
    assert again['environment'] == first['environment'] and 'pytorch_optimizer' in first['environment']['versions']
    # the reference is trained again where its poses are gone, and a row of other annotations does not count
    shutil.rmtree(folder / 'work/tiny')
    assert training.main(['tiny-slow', *call]) == 0
    assert read(folder / 'out.json', 'training')[1]['difference']['to'] == 'tiny'
    assert (folder / 'work/tiny/poses.json').exists()
    # neither is measured again, though the reference's weights are others now
    stamp = (folder / 'work/tiny-slow/poses.json').stat().st_mtime_ns
    assert training.main(['tiny-slow', *call]) == 0
    assert (folder / 'work/tiny-slow/poses.json').stat().st_mtime_ns == stamp
    # no comparison with what another config left there
    config = folder / 'work/tiny.py'
    left = config.read_text()
    config.write_text(f'{left}# changed\n')
    (folder / 'out.json').unlink()
    assert training.main(['tiny-slow', *call]) == 1
    assert all('is another config than that of tiny' in row['reason']
               for row in read(folder / 'out.json', 'training'))
    config.write_text(left)
    other = json.loads((folder / 'eight.json').read_text())
    other['annotations'].pop()
    (folder / 'seven.json').write_text(json.dumps(other))
    assert training.main(['tiny', *call[:1], str(folder / 'seven.json'), *call[2:]]) == 0
    assert read(folder / 'out.json', 'training')[0]['protocol']['persons'] == 7


def test_the_page_shows_the_times_of_networks_that_were_timed(root, tmp_path):
    results = root / 'benchmarks/results'
    shutil.copy(results / 'training.json', tmp_path)
    assert not any(table.rows[0][5].text for table in pages.tables(tmp_path)) and 'Time:' not in pages.page(tmp_path)
    speed = json.loads((results / 'speed.json').read_text())
    row = next(row for row in speed['rows'] if 'reason' not in row and (
        row['backend'], row['threads'], row['batch']) == ('onnxruntime', 1, 1))
    (tmp_path / 'training_speed.json').write_text(json.dumps(dict(speed, rows=[dict(row, name='small')])))
    cells = {row[0].text: row[5] for table in pages.tables(tmp_path) for row in table.rows}
    assert cells['small'].text == f'{row["ratio"][0]:.2f}' and not cells['small-adamw'].text
    assert 'Time: of the network alone' in pages.page(tmp_path)


def test_the_table_of_rivals_ranks_networks_of_one_group(root):
    groups = {training.experiments()[name]['group'] for name in pages.RIVALS}
    assert groups == {'comparison'}
    lines = pages.rivals(root / 'benchmarks/results').splitlines()[2:]
    rows = [line.split(' | ') for line in lines if line.startswith('|')]
    found = [float(row[5].split()[0]) for row in rows]
    assert len(found) > 4 and found == sorted(found, reverse=True)
    assert [row[0] for row in rows if row[6].startswith(' |')] == ['| AMFACPose-R18']
