"""A tiny data set in the layout of configs/real_data, made of a photograph that scikit-image installs."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

# rough places of the joints on the astronaut photograph, as a share of the picture; hidden legs are not labelled
JOINTS = [(.44, .23), (.47, .19), (.41, .19), (.51, .20), (.38, .20), (.62, .43), (.25, .45), (.70, .70), (.17, .75),
          (.55, .80), (.30, .95), (.55, .98), (.33, .98)]


def make_coco(folder, name, count, picture):
    (folder / name).mkdir(parents=True)
    names = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
             'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee',
             'left_ankle', 'right_ankle']
    images, annotations = [], []
    rng = np.random.default_rng(len(name))
    for i in range(count):
        width, height = int(rng.integers(80, 120)), int(rng.integers(100, 140))
        cv2.imwrite(str(folder / name / f'{i}.png'), cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
        keypoints = [v for x, y in JOINTS for v in (x * width, y * height, 2)] + [0] * 12
        images.append(dict(id=i + 1, file_name=f'{name}/{i}.png', width=width, height=height))
        annotations.append(dict(id=i + 1, image_id=i + 1, category_id=1, iscrowd=0, num_keypoints=13,
                                keypoints=keypoints, area=.5 * width * height,
                                bbox=[.1 * width, .05 * height, .7 * width, .9 * height]))
    data = dict(images=images, annotations=annotations,
                categories=[dict(id=1, name='person', keypoints=names, skeleton=[])])
    (folder / f'{name}.json').write_text(json.dumps(data))


@pytest.fixture(scope='module')
def workspace(tmp_path_factory, astronaut):
    """A folder to work in: data/real/ holds 16 training and 4 evaluation pictures."""
    folder = tmp_path_factory.mktemp('workspace')
    real = folder / 'data/real'
    for name, count in (('coco_train', 8), ('lspet_train_coco17', 4), ('stanford40_pseudo', 4), ('coco_dev', 4)):
        make_coco(real, name, count, astronaut)
    return folder


@pytest.fixture(scope='session')
def run(root):
    """Run a Python command line in a folder; the package is the installed one, or else the checkout."""

    def call(*args, cwd, check=True, timeout=600, **env):
        environment = {**os.environ, 'OMP_NUM_THREADS': '2', **env}
        import mmpose_amfac
        if str(root) in mmpose_amfac.__file__ and 'site-packages' not in mmpose_amfac.__file__:
            environment['PYTHONPATH'] = str(root)
        done = subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env=environment, capture_output=True,
                              text=True, timeout=timeout)
        if check:
            assert done.returncode == 0, f'{args}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}'
        return done

    return call
