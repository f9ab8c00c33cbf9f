"""README's commands, run as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'(?:<!-- ([^\n]+) -->\n)?```(bash|python)\n(.*?)```', re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / 'README.md').read_text())


@pytest.fixture(scope='module')
def folder(workspace, astronaut):
    """What the commands name: photo.jpg, pictures/, boxes.json, clip.mp4, and the tiny data set in data/real."""
    cv2.imwrite(str(workspace / 'photo.jpg'), astronaut)
    (workspace / 'pictures').mkdir()
    for name in ('one.png', 'two.png'):
        cv2.imwrite(str(workspace / 'pictures' / name), astronaut)
    boxes = [dict(image_id=1, file_name='one.png', category_id=1, bbox=[20, 10, 400, 490], score=1.0)]
    (workspace / 'boxes.json').write_text(json.dumps(boxes))
    writer = cv2.VideoWriter(str(workspace / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10, (256, 256))
    for _ in range(3):
        writer.write(cv2.resize(astronaut, (256, 256)))
    writer.release()
    return workspace


def environment():
    import mmpose_amfac
    env = {**os.environ, 'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'}
    if 'site-packages' not in mmpose_amfac.__file__:
        env['PYTHONPATH'] = str(ROOT)
    return env


def test_every_block_says_what_becomes_of_it():
    assert len(BLOCKS) >= 6
    assert all(re.match('set-up|run: |not run: ', label) for label, _, _ in BLOCKS)
    assert [code for label, _, code in BLOCKS if label == 'set-up'][0].count('make ') == 2


@pytest.mark.slow
@pytest.mark.parametrize('name', [label for label, _, _ in BLOCKS if label.startswith('run: ')])
def test_block_runs(folder, name):
    (language, code), = [(language, code) for label, language, code in BLOCKS if label == name]
    command = ['bash', '-e', '-u', '-c', code] if language == 'bash' else [sys.executable, '-c', code]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f'{done.stdout[-3000:]}\n{done.stderr[-3000:]}'
    if name == 'run: predict':
        results = json.loads((folder / 'poses_of_my_boxes/predictions.json').read_text())
        assert [a['file_name'] for a in results['annotations']] == ['one.png']
        assert len(json.loads((folder / 'poses_of_the_clip/predictions.json').read_text())['annotations']) == 3
        assert list((folder / 'poses/drawings').iterdir())
    elif name == 'run: python':
        assert '(1, 17, 2)' in done.stdout
    elif name == 'run: train':
        assert '"source": "ground truth"' in done.stdout


def test_links_and_files_exist():
    text = (ROOT / 'README.md').read_text()
    for target in re.findall(r'\]\(([^)#]+)\)', text):
        if not target.startswith('https://'):
            assert (ROOT / target).exists(), target
