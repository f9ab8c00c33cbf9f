"""The mends of MMDeploy, in fresh processes that it starts itself and in this one."""

import ctypes
import importlib
import os
import subprocess
import sys
from textwrap import dedent

import pytest

pytest.importorskip('mmdeploy')

# MMDeploy's way: each step in a spawned process; this script and the zoo's config know nothing of ours
SCRIPT = """
    import sys
    import numpy as np
    from torch import multiprocessing

    if __name__ == '__main__':
        from mmdeploy.apis import torch2onnx
        from mmdeploy.apis.core import PIPELINE_MANAGER
        from mmengine.config import Config
        from mmengine.hub import get_config
        multiprocessing.set_start_method('spawn')
        deploy, model, checkpoint, module = sys.argv[1:]
        deploy = Config.fromfile(deploy)
        deploy.codebase_config.module = [module]
        model = get_config(model) if '::' in model else Config.fromfile(model)
        # as text configs without custom_imports reach a child
        model.pop('custom_imports', None)
        PIPELINE_MANAGER.enable_multiprocess(True, ['mmdeploy.apis.pytorch2onnx.torch2onnx'])
        torch2onnx(np.zeros((64, 64, 3), np.uint8), '.', 'end2end.onnx', deploy, model, checkpoint or None, 'cpu')
        print('ours in the parent:', 'mmpose_amfac.compat.mmdeploy_onnx' in sys.modules)
"""
ZOO = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'


def run(root, folder, model, checkpoint, module):
    # a script of its own, for the children import it again
    script = folder / 'child.py'
    script.write_text(dedent(SCRIPT))
    deploy = root / 'configs/deploy/pose-detection_simcc_onnxruntime_dynamic.py'
    return subprocess.run([sys.executable, script, deploy, model, checkpoint, module], cwd=folder, text=True,
                          capture_output=True, env=dict(os.environ, PYTHONPATH=str(root), OMP_NUM_THREADS='1'))


@pytest.mark.slow
def test_children_are_mended_by_the_module_of_the_deploy_config(root, tmp_path):
    assert run(root, tmp_path, ZOO, '', 'json').returncode != 0
    assert not (tmp_path / 'end2end.onnx').exists()
    done = run(root, tmp_path, ZOO, '', 'mmpose_amfac.deploy')
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'ours in the parent: False' in done.stdout
    assert (tmp_path / 'end2end.onnx').is_file()


@pytest.mark.slow
def test_children_know_our_head(root, tmp_path):
    import numpy as np
    import onnxruntime
    done = run(root, tmp_path, root / 'configs/real_data/amfacpose_r18_1xb64-1e_real-128x96.py',
               root / 'mmpose_amfac/weights/amfacpose_r18_128x96.pth', 'mmpose_amfac.deploy')
    assert done.returncode == 0, done.stderr[-3000:]
    session = onnxruntime.InferenceSession(str(tmp_path / 'end2end.onnx'))
    x, _ = session.run(None, {'input': np.zeros((2, 3, 128, 96), np.float32)})
    # probabilities, not logits
    assert x.shape == (2, 17, 192) and x.min() >= 0 and x.max() <= 1


def test_torch_itself_stays_as_it_is():
    import inspect

    import mmdeploy.apis.onnx  # noqa: F401
    import torch
    export = sys.modules['mmdeploy.apis.onnx.export']
    assert inspect.signature(torch.onnx.export).parameters['dynamo'].default is True
    assert export.torch is not torch and export.torch.Tensor is torch.Tensor
    seen = {}
    original, torch.onnx.export = torch.onnx.export, lambda *args, **kwargs: seen.update(kwargs)
    try:
        export.torch.onnx.export(None, dynamo=True)
        assert seen['dynamo'] is True
        export.torch.onnx.export(None)
        assert seen['dynamo'] is False
    finally:
        torch.onnx.export = original


@pytest.mark.parametrize('batch', [1, -1])
def test_openvino_converts_and_runs_without_mo(tmp_path, batch):
    import onnx
    import torch
    from mmdeploy.backend.openvino.onnx2openvino import from_onnx
    from mmdeploy.backend.openvino.utils import ModelOptimizerOptions
    from mmdeploy.backend.openvino.wrapper import OpenVINOWrapper
    from onnx import TensorProto, helper

    from mmpose_amfac.errors import AMFACError
    with pytest.raises(RuntimeError, match='Model Optimizer is not found'):
        from_onnx.__wrapped__('x.onnx', str(tmp_path), dict(x=[1, 2]), ['y'])
    graph = helper.make_graph([helper.make_node('Relu', ['x'], ['y']), helper.make_node('Neg', ['x'], ['z'])], 'g',
                              [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['n', 2])],
                              [helper.make_tensor_value_info(n, TensorProto.FLOAT, ['n', 2]) for n in 'yz'])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), tmp_path / 'x.onnx')
    from_onnx(str(tmp_path / 'x.onnx'), str(tmp_path), dict(x=[batch, 2]), ['y', 'z'], ModelOptimizerOptions())
    wrapper = OpenVINOWrapper(str(tmp_path / 'x.xml'), output_names=['z', 'y'])
    x = torch.tensor([[1.0, -2.0]] * (1 if batch == 1 else 3))
    z, y = wrapper.output_to_list(wrapper(dict(x=x)))
    assert torch.equal(z, -x) and torch.equal(y, x.relu())
    with pytest.raises(AMFACError, match='mo_options'):
        from_onnx('x.onnx', str(tmp_path), {}, [], ModelOptimizerOptions(dict(flags=['--static_shape'])))


def test_tensorrt_goes_on_without_the_plugin_library(monkeypatch):
    init_plugins = importlib.import_module('mmdeploy.backend.tensorrt.init_plugins')

    def missing(path):
        raise OSError('libnvinfer.so.8: cannot open shared object file')

    monkeypatch.setattr(ctypes, 'CDLL', missing)
    with pytest.raises(OSError):
        init_plugins.load_tensorrt_plugin.__wrapped__()
    assert init_plugins.load_tensorrt_plugin() is False
