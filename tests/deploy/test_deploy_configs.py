"""configs/deploy: complete, consistent, and fitted to a model's input size."""

import copy
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmpose_amfac.deploy import deploy_config
from mmpose_amfac.errors import AMFACError

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'deploy'
FILES = sorted(p.name for p in FOLDER.glob('*.py'))
NAME = re.compile(r'(?P<task>pose-detection|detection)(_(?P<kind>simcc|integral|visibility|one-stage))?_(?P<sdk>sdk-)?'
                  r'(?P<backend>onnxruntime|openvino|tensorrt)(-(?P<precision>fp16|int8))?_(?P<mode>static|dynamic)'
                  r'(-(?P<height>\d+)x(?P<width>\d+))?\.py')


OUTPUTS = {'simcc': ['simcc_x', 'simcc_y'], None: ['output'], 'integral': ['keypoints', 'heatmaps'],
           'visibility': ['output', 'visibility'], 'one-stage': ['dets', 'keypoints']}


def test_there_are_configs_for_every_backend():
    assert len(FILES) >= 25
    wanted = {('onnxruntime', None), ('openvino', None), ('tensorrt', None), ('tensorrt', 'fp16'), ('tensorrt', 'int8')}
    simcc = [m for m in map(NAME.fullmatch, FILES) if m['kind'] == 'simcc']
    assert {(m['backend'], m['precision']) for m in simcc} == wanted
    plain = {(m['backend'], m['precision'], m['mode']) for m in simcc if not m['sdk'] and not m['width']}
    assert plain == {(*kind, mode) for kind in wanted for mode in ('static', 'dynamic')}
    assert {m['backend'] for m in simcc if m['sdk']} == {'onnxruntime', 'openvino', 'tensorrt'}


@pytest.mark.parametrize('name', FILES)
def test_a_config_is_what_its_name_says(name):
    parts = NAME.fullmatch(name)
    cfg = deploy_config.load(FOLDER / name)
    onnx, codebase, backend = cfg.onnx_config, cfg.codebase_config, cfg.backend_config
    pose = parts['task'] == 'pose-detection'
    assert (codebase.type, codebase.task) == (('mmpose', 'PoseDetection') if pose else ('mmdet', 'ObjectDetection'))
    assert codebase.module == ['mmpose_amfac.deploy']
    assert backend.type == parts['backend']
    assert onnx.keep_initializers_as_inputs is False and onnx.type == 'onnx' and onnx.input_names == ['input']
    outputs = OUTPUTS[parts['kind']] if pose else ['dets', 'labels']
    assert onnx.output_names == outputs
    if pose:
        assert codebase.export_postprocess is bool(parts['sdk'])
        assert codebase.fuse is True
    size = [int(parts['width']), int(parts['height'])] if parts['width'] else None
    assert onnx.input_shape == size
    dynamic = parts['mode'] == 'dynamic'
    assert ('dynamic_axes' in onnx) is dynamic
    if dynamic:
        assert set(onnx.dynamic_axes) == {'input', *outputs}
        assert all(axes[0] == 'batch' for axes in onnx.dynamic_axes.values())
        assert set(onnx.dynamic_axes.input) == ({0} if pose else {0, 2, 3})


def shapes_of(cfg):
    for inputs in cfg.backend_config.get('model_inputs', ()):
        yield from (inputs.get('opt_shapes') or {}).values()
        for shapes in (inputs.get('input_shapes') or {}).values():
            yield from shapes.values()


@pytest.mark.parametrize('name', FILES)
def test_shapes_agree_with_the_size_and_the_batch(name):
    parts = NAME.fullmatch(name)
    cfg = deploy_config.load(FOLDER / name)
    shapes = list(shapes_of(cfg))
    assert bool(shapes) is (parts['backend'] != 'onnxruntime')
    size = (int(parts['height']), int(parts['width'])) if parts['width'] else (256, 192)
    assert all(tuple(shape[1:]) == (3, *size) for shape in shapes)
    if parts['backend'] == 'tensorrt':
        profile = cfg.backend_config.model_inputs[0].input_shapes.input
        batches = [profile[key][0] for key in ('min_shape', 'opt_shape', 'max_shape')]
        assert batches == ([1, 16, 64] if parts['mode'] == 'dynamic' else [1, 1, 1])
        common = cfg.backend_config.common_config
        assert bool(common.fp16_mode) is (parts['precision'] is not None)
        assert bool(common.get('int8_mode')) is (parts['precision'] == 'int8') is ('calib_config' in cfg)
    elif shapes:
        assert shapes[0][0] == (-1 if parts['mode'] == 'dynamic' else 1)


@pytest.mark.parametrize('name', [n for n in FILES if n.startswith('pose') and 'one-stage' not in n
                                  and not NAME.fullmatch(n)['width']])
def test_the_models_size_is_put_in_where_it_is_left_open(name, r18_config):
    cfg = deploy_config.load(FOLDER / name)
    deploy_config.fit(cfg, r18_config, name, 'model.py')
    assert cfg.onnx_config.input_shape == [96, 128]
    assert all(tuple(shape[2:]) == (128, 96) for shape in shapes_of(cfg))


def test_another_size_or_task_is_refused(r18_config):
    name = 'pose-detection_simcc_openvino_static-256x192.py'
    with pytest.raises(AMFACError, match=r'\(192, 256\).*model.py has \(96, 128\)'):
        deploy_config.fit(deploy_config.load(FOLDER / name), r18_config, name, 'model.py')
    with pytest.raises(AMFACError, match='ObjectDetection.*TopdownPoseEstimator'):
        deploy_config.fit(deploy_config.load(FOLDER / 'detection_onnxruntime_dynamic.py'), r18_config, 'd', 'm')
    other = copy.deepcopy(r18_config)
    other.model.type = 'BottomupPoseEstimator'
    with pytest.raises(AMFACError, match='BottomupPoseEstimator'):
        deploy_config.fit(deploy_config.load(FOLDER / 'pose-detection_onnxruntime_static.py'), other, 'd', 'm')


YOLOX = 'mmpose::body_2d_keypoint/yoloxpose/coco/yoloxpose_tiny_4xb64-300e_coco-416.py'


def test_models_that_find_people_take_their_own_configs(r18_config):
    model = deploy_config.load_model(YOLOX)
    cfg = deploy_config.load('pose-detection_one-stage_openvino_static.py')
    deploy_config.fit(cfg, model, 'd', 'm')
    # the size of its test pipeline, not that of its codec
    assert cfg.onnx_config.input_shape == [416, 416] and list(shapes_of(cfg)) == [[1, 3, 416, 416]]
    with pytest.raises(AMFACError, match='pose-detection_one-stage_BACKEND'):
        deploy_config.fit(deploy_config.load('pose-detection_onnxruntime_static.py'), model, 'd', 'm')
    with pytest.raises(AMFACError, match='pose-detection_one-stage_BACKEND.*no other models'):
        deploy_config.fit(deploy_config.load('pose-detection_one-stage_onnxruntime_static.py'), r18_config, 'd', 'm')


def test_files_that_are_no_deploy_configs_are_refused(root, tmp_path):
    with pytest.raises(AMFACError, match='does not exist'):
        deploy_config.load(tmp_path / 'none.py')
    with pytest.raises(AMFACError, match='no onnx_config, codebase_config, backend_config'):
        deploy_config.load(root / 'configs/coco/amfacpose_r18_1xb32-140e_coco-256x192.py')
    odd = tmp_path / 'odd.py'
    odd.write_text("onnx_config = dict()\nbackend_config = dict()\ncodebase_config = dict(task='VoxelDetection')\n")
    with pytest.raises(AMFACError, match='VoxelDetection.*allowed: PoseDetection'):
        deploy_config.load(odd)


def test_configs_are_found_by_name_and_of_other_packages():
    assert deploy_config.load('pose-detection_onnxruntime_static.py').onnx_config.output_names == ['output']
    assert deploy_config.load_model('amfacpose_r18_1xb64-1e_real-128x96.py').codec.input_size == (96, 128)
    zoo = deploy_config.load_model('mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py')
    assert isinstance(zoo, Config) and deploy_config.input_size(zoo) == (192, 256)
    with pytest.raises(AMFACError, match='nothing.py'):
        deploy_config.load_model('mmpose::nothing.py')


@pytest.mark.parametrize('name', ['*', '[d]etection_*.py', '?' * 10, 'x' * 5000, '.'])
def test_names_are_no_patterns(name):
    for load in (deploy_config.load, deploy_config.load_model):
        with pytest.raises(AMFACError, match='does not exist'):
            load(name)


def test_a_model_of_people_without_its_resize_is_told():
    def model(*pipeline):
        return Config(dict(model=dict(head=dict(type='RTMOHead')), test_dataloader=dict(dataset=dict(
            pipeline=[dict(type='LoadImage'), *pipeline]))))

    with pytest.raises(AMFACError, match='no BottomupResize'):
        deploy_config.input_size(model())
    assert deploy_config.input_size(model(dict(type='BottomupResize', input_size=(640, 416)))) == (640, 416)
