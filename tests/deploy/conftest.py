"""Conversions of the packaged model by MMDeploy, made once for all tests."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from mmpose_amfac import geometry

CONFIG = 'configs/real_data/amfacpose_r18_real-128x96.py'
WEIGHTS = 'mmpose_amfac/weights/amfacpose_r18_128x96.pth'
ZOO = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py'
# MMDeploy looks through everything that the collector knows at each export: a process with little in it is faster
SCRIPT = """
import json, sys
import mmpose_amfac
from mmpose_amfac.deploy import rewrites
from mmpose_amfac.deploy.convert import convert
from tools import deploy

for job in json.loads(sys.argv[1]):
    convert(**job)
right = rewrites.decode
rewrites.decode = lambda x, y, ratio, window: right(x, y, ratio * 1.01, window)
sys.argv = ['deploy.py', *sys.argv[2:]]
print('exit code', deploy.main())
"""


def deploy(name):
    return f'configs/deploy/pose-detection_simcc_{name}.py'


def python(root, *args):
    """A new Python in the checkout."""
    return subprocess.run([sys.executable, *map(str, args)], cwd=root, capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': str(root)})


@pytest.fixture(scope='session')
def converted(root, tmp_path_factory):
    """Folder of conversions by name, and what the last one, of a rewrite that is wrong, printed."""
    folder = tmp_path_factory.mktemp('converted')
    jobs = [dict(deploy_config=deploy(name), model_config=CONFIG, checkpoint=WEIGHTS, work_dir=str(folder / name))
            for name in ('onnxruntime_static', 'openvino_dynamic')]
    for window in (0, 10):
        config = folder / f'window{window}.py'
        config.write_text(f"_base_ = '{root / CONFIG}'\nmodel = dict(head=dict(decoder=dict(window={window})))\n")
        jobs.append(dict(deploy_config=deploy('sdk-onnxruntime_dynamic'), model_config=str(config), sdk=True,
                         checkpoint=WEIGHTS, work_dir=str(folder / f'sdk{window}')))
    jobs.append(dict(deploy_config='pose-detection_onnxruntime_dynamic.py', model_config=ZOO, checkpoint=None,
                     work_dir=str(folder / 'zoo'), random_weights=True))
    (folder / 'wrong').mkdir()
    for name in ('end2end.onnx', 'end2end.xml', 'end2end.bin', 'pipeline.json', 'deploy.json', 'detail.json'):
        (folder / 'wrong' / name).write_text('of an earlier run')
    done = python(root, '-c', SCRIPT, json.dumps(jobs), deploy('sdk-onnxruntime_dynamic'), CONFIG, WEIGHTS,
                  '--work-dir', folder / 'wrong')
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


@pytest.fixture(scope='session')
def converted_by_tool(root, tmp_path_factory):
    """The folder that the tool writes: batch left open, with the files of the SDK."""
    folder = tmp_path_factory.mktemp('tool')
    done = python(root, 'tools/deploy.py', deploy('onnxruntime_dynamic'), CONFIG, WEIGHTS, '--work-dir', folder,
                  '--dump-info')
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'passed on 24 crops' in done.stdout
    assert re.search(r' px of the network input \(limit 0.1 px\) over 4\d\d of 408 joints; [01]\.\d% left out',
                     done.stdout)
    return folder


@pytest.fixture(scope='session')
def estimator():
    from mmpose_amfac.apis.estimator import TorchEstimator
    return TorchEstimator()


@pytest.fixture(scope='session')
def crops(real_data, estimator):
    """24 persons of coco_dev, cut out."""
    from mmpose_amfac.apis.sources import read_image
    content = json.loads((real_data / 'coco_dev.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    found = []
    for entry in content['annotations'][:240:10]:
        image = read_image(real_data / names[entry['image_id']])
        found.append(estimator.crop(image, geometry.xywh_to_xyxy(entry['bbox']))[0])
    return np.concatenate(found)
