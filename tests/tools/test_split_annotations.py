"""``tools/split_annotations.py``: groups stay whole."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpose_amfac.errors import AMFACError
from tools import split_annotations as tool


@given(st.lists(st.integers(0, 20), min_size=2, max_size=60), st.floats(0.05, 0.9), st.integers(0, 9))
def test_no_group_is_in_both_parts_and_the_share_is_reached(labels, share, seed):
    labels = np.unique(labels, return_inverse=True)[1]
    held = tool.held_out(labels, share, seed)
    assert not set(labels[held]) & set(labels[~held])
    assert share * len(labels) <= held.sum() < share * len(labels) + np.bincount(labels).max()
    assert (held == tool.held_out(labels, share, seed)).all()


def test_groups_go_through_others():
    signs = np.ones((4, 64), np.float32)
    signs[1, :8] = -1
    signs[2, :16] = -1
    signs[3, 20:] = -1
    assert len(set(tool.groups(signs, 8))) == 2
    assert len(set(tool.groups(signs, 7))) == 4
    assert len(set(tool.groups(signs, 7, 'abca'))) == 3


@pytest.fixture
def folder(tmp_path, astronaut):
    """Twelve pictures: the astronaut in three kinds of light, and noise that looks like nothing else."""
    rng = np.random.default_rng(0)
    entries = []
    for i in range(12):
        noise = cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
        picture = cv2.convertScaleAbs(astronaut, alpha=0.8 + 0.1 * i) if i < 3 else noise
        cv2.imwrite(str(tmp_path / f'{i}.png'), picture)
        entries.append(dict(id=i, file_name=f'{i}.png', source=i // 4))
    (tmp_path / 'a.json').write_text(json.dumps(dict(
        images=entries, categories=[dict(id=1, name='person')],
        annotations=[dict(id=10 * i + j, image_id=i) for i in range(12) for j in range(2)])))
    return tmp_path


def run(root, folder, *options):
    command = [sys.executable, 'tools/split_annotations.py', str(folder / 'a.json'), '--images', str(folder), '--train',
               str(folder / 'train.json'), '--held', str(folder / 'held.json'), *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_the_command(root, folder):
    done = run(root, folder, '--share', '0.3', '--same', 'source')
    assert done.returncode == 0, done.stderr
    assert 'largest of 4 pictures' in done.stdout
    parts = [json.loads((folder / f'{name}.json').read_text()) for name in ('train', 'held')]
    for made in parts:
        assert {one['image_id'] for one in made['annotations']} == {entry['id'] for entry in made['images']}
        assert len(made['annotations']) == 2 * len(made['images'])
    train, held = ({entry['source'] for entry in made['images']} for made in parts)
    assert not train & held and train | held == {0, 1, 2} and len(parts[1]['images']) == 4
    done = run(root, folder)
    assert '10 groups, the largest of 3 pictures' in done.stdout
    done = run(root, folder, '--distance', '64')
    assert done.returncode == 2 and 'nothing is left to train on' in done.stderr


def test_what_cannot_be_read(root, folder, tmp_path):
    (folder / '5.png').write_bytes(b'no picture')
    done = run(root, folder)
    assert done.returncode == 2 and '5.png' in done.stderr and done.stderr.count('\n') == 1
    done = run(root, folder, '--same', 'coco_id')
    assert done.returncode == 2 and 'each with coco_id, file_name, id' in done.stderr
    with pytest.raises(AMFACError, match='--share=0'):
        tool.main(['a.json', '--images', '.', '--train', 't.json', '--held', 'h.json', '--share', '0'])
