"""Geometry, flip averaging and DARK, checked by the AP of a trained network on real pictures."""

import json

import numpy as np
import pytest

from benchmarks import runtime_accuracy
from benchmarks.core import KeypointScores
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.skeletons import COCO17


@pytest.fixture(scope='module')
def coco_full(shared, tmp_path_factory):
    from tools.prepare_real_data import unpack
    out = tmp_path_factory.mktemp('full')
    assert unpack(shared / 'data', out, only=['coco_full'])
    return out


@pytest.mark.slow
@pytest.mark.parametrize('flip, by_all, by_sure', [(False, 0.658, 0.659), (True, 0.671, 0.673)])
def test_tinypose_on_whole_pictures(shared, coco_full, flip, by_all, by_sure):
    """AP with given boxes, persons ranked by the mean of all peaks and of those above 0.2, the rule of ``Poses``."""
    estimator = AMFACPose(shared / 'models' / 'tinypose_256x192_heatmap.onnx', flip=flip,
                          manifest=dict(decode=dict(refine='dark', kernel=11)))
    content = runtime_accuracy.read(coco_full / 'coco_full.json', None)
    results = runtime_accuracy.predict(estimator, content, coco_full, given=True)
    assert len(results) == 428
    assert KeypointScores(content, results, COCO17.sigmas).metrics['AP'] == pytest.approx(by_sure, abs=0.002)
    for result in results:
        result['score'] = float(np.mean(result['keypoint_scores']))
    assert KeypointScores(content, results, COCO17.sigmas).metrics['AP'] == pytest.approx(by_all, abs=0.002)


@pytest.mark.slow
def test_detector_and_pose_end_to_end(shared, coco_full, tmp_path, capsys):
    """The command, with the real detector on the 160 whole pictures; the result file says what the figure rests on."""
    models, annotations = shared / 'models', str(coco_full / 'coco_full.json')
    runtime_accuracy.main([annotations, '--images', str(coco_full), '--out', str(tmp_path / 'r.json'),
                           '--model', str(models / 'tinypose_256x192_simcc.onnx'),
                           '--det', str(models / 'rtmdet_nano_person.onnx')])
    result = json.loads((tmp_path / 'r.json').read_text())
    low, high = result['interval']['bounds']
    assert 0.55 < low < result['metrics']['AP'] < high < 0.70
    assert result['protocol']['boxes']['file'] == 'rtmdet_nano_person.onnx'
    assert result['environment']['provider'] == 'CPUExecutionProvider'
    assert f'AP {result["metrics"]["AP"]:.4f}' in capsys.readouterr().out


def test_pictures_are_chosen_by_a_field(coco_full):
    path = coco_full / 'coco_full.json'
    content = runtime_accuracy.read(path, 'crops_in=coco_dev')
    assert len(content['images']) == 54
    assert {a['image_id'] for a in content['annotations']} <= {i['id'] for i in content['images']}
    with pytest.raises(AMFACError, match="no picture whose 'crops_in' is 'moon'"):
        runtime_accuracy.read(path, 'crops_in=moon')


@pytest.mark.parametrize('text, message', [(None, 'cannot be read'), ('# text', 'is not JSON'),
                                           ('{"images": []}', 'has no lists images, annotations and categories')])
def test_other_annotations_are_one_line(capsys, tmp_path, text, message):
    path = tmp_path / 'a.json'
    if text:
        path.write_text(text)
    with pytest.raises(SystemExit) as stop:
        runtime_accuracy.main([str(path), '--images', '.', '--model', 'amfacpose'])
    told = capsys.readouterr().err
    assert stop.value.code == 2 and told.count('\n') == 1 and message in told
