"""MMDeploy's way to TensorRT up to the calls of its builder, with stand-ins for TensorRT and PyCUDA.

Nothing here shows that TensorRT accepts the graphs.
"""

import json
import os
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

pytest.importorskip('mmdeploy', reason='mmdeploy has wheels for Linux on x86-64 and for Windows only')

TENSORRT = """
    import enum, json

    __version__ = '10.0.0'
    calls = []
    tensor = dict()

    class Severity(enum.Enum):
        ERROR = WARNING = INFO = VERBOSE = 0

    class Logger:
        Severity, ERROR, WARNING, INFO, VERBOSE = Severity, *[Severity.ERROR] * 4

        def __init__(self, *_):
            pass

    class Flag(enum.IntEnum):
        EXPLICIT_BATCH = 0
        FP16 = 1
        INT8 = 2
        WORKSPACE = 3

    NetworkDefinitionCreationFlag = BuilderFlag = MemoryPoolType = Flag

    class CalibrationAlgoType(enum.Enum):
        ENTROPY_CALIBRATION_2 = 2

    class IInt8Calibrator:
        pass

    class ICudaEngine:
        pass

    class Config:
        int8_calibrator = None

        def set_memory_pool_limit(self, pool, size):
            calls.append(['workspace', size])

        def set_flag(self, flag):
            calls.append(['flag', flag.name])

        def add_optimization_profile(self, profile):
            return 0

    class Profile:
        def set_shape(self, name, *shapes):
            calls.append(['profile', name, *shapes])

    class Builder:
        def __init__(self, logger):
            self.config = Config()

        def create_network(self, flags):
            calls.append(['network', flags])

        def create_builder_config(self):
            return self.config

        def create_optimization_profile(self):
            return Profile()

        def build_serialized_network(self, network, config):
            calls.append(['build'])
            if config.int8_calibrator:
                import pycuda.driver
                batches = 0
                while config.int8_calibrator.get_batch(['input']):
                    batches += 1
                calls.append(['calibrated', batches, pycuda.driver.copied[-1]])
            with open('calls.json', 'w') as file:
                json.dump(calls, file)
            return b'engine'

    class OnnxParser:
        def __init__(self, network, logger):
            pass

        def parse_from_file(self, path):
            import onnx
            onnx.checker.check_model(path)
            calls.append(['parse', path])
            return True
"""
DRIVER = """
    copied = []

    def mem_alloc(size):
        return size

    def memcpy_htod(pointer, array):
        copied.append([list(array.shape), float(array.min()), float(array.max())])
"""
SCRIPT = """
    import sys
    from mmpose_amfac.deploy import deploy_config
    from mmpose_amfac.deploy.convert import _calibrate
    from mmdeploy.apis.utils import to_backend, utils
    # there need not be a GPU here
    utils.check_backend_device = lambda deploy_cfg, device: None
    root, name, data = sys.argv[1:]
    deploy = deploy_config.load(name)
    model = deploy_config.load_model('amfacpose_r18_1xb64-1e_real-128x96.py')
    deploy_config.fit(deploy, model, name, 'model')
    dataset = model.val_dataloader.dataset
    dataset.data_root, dataset.indices = data, 3
    model.val_dataloader.update(num_workers=0, persistent_workers=False)
    _calibrate(deploy, model, root + '/mmpose_amfac/weights/amfacpose_r18_128x96.pth', '.', 'cpu')
    print(to_backend('tensorrt', ['end2end.onnx'], work_dir='.', deploy_cfg=deploy, device='cuda:0'))
"""


@pytest.fixture
def build(root, tmp_path, real_data):
    """Convert a small graph with a config of ours; the calls that TensorRT received."""
    from onnx import TensorProto, helper, save
    graph = helper.make_graph([helper.make_node('Relu', ['input'], ['simcc_x'])], 'g',
                              [helper.make_tensor_value_info('input', TensorProto.FLOAT, ['batch', 3, 128, 96])],
                              [helper.make_tensor_value_info('simcc_x', TensorProto.FLOAT, ['batch', 3, 128, 96])])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8),
         tmp_path / 'end2end.onnx')
    for module, code in (('tensorrt/__init__.py', TENSORRT), ('pycuda/__init__.py', ''), ('pycuda/autoinit.py', ''),
                         ('pycuda/driver.py', DRIVER)):
        file = tmp_path / 'stand_ins' / module
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(code))

    def run(name):
        environment = {**os.environ, 'PYTHONPATH': f'{tmp_path / "stand_ins"}{os.pathsep}{root}'}
        done = subprocess.run([sys.executable, '-c', dedent(SCRIPT), root, name, f'{real_data}/'], cwd=tmp_path,
                              env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (tmp_path / 'end2end.engine').read_bytes() == b'engine'
        return json.loads((tmp_path / 'calls.json').read_text())

    return run


@pytest.mark.slow
@pytest.mark.parametrize('precision, flags, mode', [
    ('', [], 'dynamic'), ('-fp16', ['FP16'], 'dynamic'), ('-int8', ['FP16', 'INT8'], 'dynamic'),
    ('-int8', ['FP16', 'INT8'], 'static')])
def test_the_builder_is_told_what_the_config_says(build, precision, flags, mode):
    calls = build(f'pose-detection_simcc_tensorrt{precision}_{mode}.py')
    by_name = {name: rest for name, *rest in calls}
    best, most = (16, 64) if mode == 'dynamic' else (1, 1)
    assert by_name['profile'] == ['input', [1, 3, 128, 96], [best, 3, 128, 96], [most, 3, 128, 96]]
    assert [rest[0] for name, *rest in calls if name == 'flag'] == flags
    assert by_name['network'] == [1] and by_name['workspace'] == [1 << 30] and 'build' in by_name
    assert by_name['parse'][0].endswith('end2end.onnx')
    assert ('calibrated' in by_name) is ('INT8' in flags)
    if 'INT8' in flags:
        batches, (shape, low, high) = by_name['calibrated']
        # three real crops, each filled up to the batch that is optimised for, normalised
        assert batches == 3 and shape == [best, 3, 128, 96]
        assert -2.2 <= low < high <= 2.7 and not np.isclose(low, high)
