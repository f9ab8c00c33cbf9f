"""RTMDet through MMDeploy, with random weights: read by the runtime, compared with MMDetection."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmpose_amfac.deploy.detector import export_detector
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.openvino_engine import openvino_core

pytest.importorskip('mmdeploy', reason='mmdeploy has wheels for Linux on x86-64 and for Windows only')

# in a process with little in it, MMDeploy is faster
SCRIPT = """
import sys
from mmpose_amfac.deploy.detector import export_detector
config, weights, folder = sys.argv[1:]
for name, backend, size in (('small.onnx', 'onnxruntime', (320, 320)), ('wide.onnx', 'onnxruntime', (384, 256)),
                            ('small.xml', 'openvino', (320, 320))):
    print(export_detector(config, weights, f'{folder}/{name}', size, backend).report['status'])
"""


@pytest.fixture(scope='module')
def config():
    import mmpose
    return Path(mmpose.__file__).parent / '.mim/demo/mmdetection_cfg/rtmdet_nano_320-8xb32_coco-person.py'


@pytest.fixture(scope='module')
def weights(config, astronaut, tmp_path_factory):
    """RTMDet-nano whose scores and boxes differ from place to place: BatchNorm statistics of a real picture, wide
    scores, boxes of four strides' size."""
    import torch
    from mmdet.apis import init_detector
    from torch import nn

    from mmpose_amfac.runtime.detector import MEAN, STD, letterbox
    torch.manual_seed(0)
    model = init_detector(str(config), None, device='cpu')
    canvas = (letterbox(astronaut, (320, 320))[0] - MEAN) / STD
    pictures = torch.from_numpy(np.stack([canvas, canvas[::-1], canvas[:, ::-1]]).transpose(0, 3, 1, 2).copy())
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        model._forward(pictures)
        for norm in norms:
            # a channel that is nearly constant would magnify rounding
            norm.running_var.clamp_(min=1e-2)
        for score, box in zip(model.bbox_head.rtm_cls, model.bbox_head.rtm_reg):
            nn.init.normal_(score.weight, std=0.1)
            nn.init.constant_(score.bias, -1.0)
            nn.init.normal_(box.weight, std=0.02)
            nn.init.constant_(box.bias, 2.0)
    path = tmp_path_factory.mktemp('rtmdet') / 'rtmdet.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='module')
def exported(root, config, weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp('exported')
    done = subprocess.run([sys.executable, '-c', SCRIPT, config, weights, folder], cwd=folder, capture_output=True,
                          text=True, env={**os.environ, 'PYTHONPATH': str(root)})
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if line in ('passed', 'rejected', 'unverified')] == ['passed'] * 3
    return folder


def counterparts(boxes, scores, others):
    """Largest distance of each box to the nearest other one, where its score is not at the edge of the list."""
    away = np.abs(boxes[:, None] - others[None]).max(2).min(1)
    return away[scores > np.quantile(scores, 0.1)]


@pytest.mark.slow
def test_the_runtimes_boxes_are_mmdetections(exported, config, weights, astronaut):
    from mmpose_amfac.apis.detectors import MMDetDetector
    from mmpose_amfac.runtime.detector import OnnxDetector
    wanted, wanted_scores = MMDetDetector(config, weights, score_thr=0.2)(astronaut)
    boxes, scores = OnnxDetector(exported / 'small.onnx', score_thr=0.2)(astronaut)
    assert len(wanted) > 20 and abs(len(boxes) - len(wanted)) <= 0.1 * len(wanted)
    np.testing.assert_allclose(scores[:10], wanted_scores[:10], atol=0.02)
    # MMDetection resizes with its own rounding and clips before NMS
    away = counterparts(wanted, wanted_scores, boxes)
    assert np.mean(away < 2) > 0.9


@pytest.mark.slow
def test_openvino_gives_what_onnx_runtime_gives(exported, astronaut):
    import onnxruntime

    from mmpose_amfac import geometry
    from mmpose_amfac.runtime.detector import MEAN, STD, letterbox
    blob = geometry.normalise(letterbox(astronaut, (320, 320))[0][None], 'bgr', MEAN, STD)
    wanted = onnxruntime.InferenceSession(str(exported / 'small.onnx')).run(['dets', 'labels'], {'input': blob})
    model = openvino_core().compile_model(str(exported / 'small.xml'), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    found = model(blob)
    assert found['dets'].shape == wanted[0].shape == (1, 100, 5)
    np.testing.assert_allclose(found['dets'][0, :50], wanted[0][0, :50], atol=0.05)
    np.testing.assert_array_equal(found['labels'], wanted[1])


@pytest.mark.slow
def test_another_size_and_the_files(exported, astronaut):
    import onnx

    from mmpose_amfac.runtime.detector import OnnxDetector
    assert OnnxDetector(exported / 'wide.onnx').input_size == (384, 256)
    names = {p.name for p in exported.iterdir()}
    assert names == {'small.onnx', 'wide.onnx', 'small.xml', 'small.bin',
                     *(f'{n}.check.json' for n in ('small.onnx', 'wide.onnx', 'small.xml'))}
    told = json.loads((exported / 'small.onnx.check.json').read_text())
    assert told['status'] == 'passed' and told['boxes'] > 50 and told['max_px'] <= 0.1
    assert {node.domain for node in onnx.load(exported / 'small.onnx').graph.node} == {''}


@pytest.mark.parametrize('options, message', [
    (dict(backend='tensorrt'), "backend='tensorrt' is not known"),
    (dict(input_size=(300, 320)), 'multiples of 32'),
    (dict(out='x.xml'), 'must end in .onnx for onnxruntime'),
    (dict(weights='none.pth'), 'none.pth does not exist'),
])
def test_mistakes(config, tmp_path, options, message):
    right = dict(config=config, weights=config, out=tmp_path / 'x.onnx')
    with pytest.raises(AMFACError, match=message):
        export_detector(**{**right, **options})
