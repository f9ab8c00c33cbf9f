import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from mmpose_amfac.compat import xtcocotools_finder
from mmpose_amfac.errors import AMFACError

script = runpy.run_path(str(Path(__file__).with_name('make_xtcocotools_reference.py')))
reference = json.loads(script['REFERENCE'].read_text())['statistics']


def stand_in():
    """Its classes, whether or not the real package has precedence here."""
    from mmpose_amfac.compat.xtcocotools.coco import COCO
    from mmpose_amfac.compat.xtcocotools.cocoeval import COCOeval

    return COCO, COCOeval


@pytest.fixture(scope='module')
def cases(shared):
    return script['cases'](shared / 'data')


@pytest.mark.parametrize('name', reference)
def test_figures_equal_those_of_the_real_one(cases, name):
    np.testing.assert_array_equal(script['statistics'](cases[name], *stand_in()), reference[name])


def test_the_reference_covers_every_case(cases):
    assert list(cases) == list(reference)


@pytest.mark.parametrize('name', ['noise', 'wider sigmas', 'crowd levels', 'crowd levels, areas from boxes'])
def test_an_independent_implementation_agrees(cases, name):
    faster = pytest.importorskip('faster_coco_eval')

    def evaluation(truth, found, iouType, sigmas=script['COCO_SIGMAS'], use_area=True):
        kind = faster.COCOeval_faster
        return kind(truth, found, iouType, print_function=str, kpt_oks_sigmas=sigmas, use_area=use_area)

    theirs = script['statistics'](cases[name], faster.COCO, evaluation)[: len(reference[name])]
    np.testing.assert_allclose(script['statistics'](cases[name], *stand_in()), theirs, atol=1e-4)


def test_data_in_memory(capsys):
    COCO, COCOeval = stand_in()
    joints = [float(v) for i in range(17) for v in (i, 2 * i, 2)]
    person = dict(id=0, image_id=7, category_id=1, bbox=[0, 0, 40, 50], area=1500, keypoints=joints, num_keypoints=17)
    coco = COCO(ann_data=dict(images=[dict(id=7)], categories=[dict(id=1)], annotations=[person]))
    found = coco.loadRes('unused.json', resData=[dict(image_id=7, category_id=1, keypoints=joints, score=0.5)])
    evaluation = COCOeval(coco, found)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    # the only annotation has id 0, which pycocotools would take for no match; it is of medium size
    assert evaluation.stats == pytest.approx([1, 1, 1, 1, -1, 1, 1, 1, 1, -1])
    assert 'Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 1.000' in capsys.readouterr().out


def test_crowd_levels_are_printed(cases, capsys):
    COCO, COCOeval = stand_in()
    truth, found, arguments = cases['CrowdPose sample']
    coco = COCO(ann_data=truth)
    evaluation = COCOeval(coco, coco.loadRes(found), **arguments)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    lines = capsys.readouterr().out.splitlines()[-9:]
    assert lines[7] == ' Average Precision  (AP) @[ IoU=0.50:0.95 | type=medium | maxDets= 20 ] = 0.786'
    assert lines[3] == ' Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.850'


def test_what_is_missing_is_named():
    _, COCOeval = stand_in()
    with pytest.raises(AMFACError, match=r"iou_type='keypoints_wholebody': part-wise keypoints are missing"):
        COCOeval(iouType='keypoints_wholebody')


def fake_package(folder: Path, extension: str | None) -> Path:
    package = folder / 'xtcocotools'
    package.mkdir()
    (package / '__init__.py').write_text('')
    if extension is not None:
        (package / '_mask.py').write_text(extension)
    return package


@pytest.mark.parametrize(
    ('extension', 'real'),
    [
        ('', True),
        ("raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')", False),
        ("raise ImportError('libfoo.so: cannot open shared object file')", False),
        (None, False),
    ],
    ids=['works', 'built for numpy 1', 'cannot be loaded', 'has no extension'],
)
def test_the_real_one_has_precedence_when_it_works(tmp_path, monkeypatch, extension, real):
    package = fake_package(tmp_path, extension)
    monkeypatch.syspath_prepend(tmp_path)
    origin = Path(xtcocotools_finder.Finder.find_spec('xtcocotools').origin)
    assert origin.parent == (package if real else xtcocotools_finder.STAND_IN)


def test_a_broken_one_is_replaced_in_a_whole_python(python, tmp_path):
    fake_package(tmp_path, "raise ValueError('numpy.dtype size changed')")
    mask = 'import xtcocotools._mask\n'
    assert 'numpy.dtype size changed' in python(mask).stderr  # the script's folder holds the fake
    result = python('import mmpose_amfac\nimport xtcocotools.mask\nprint(xtcocotools.mask.iou.__module__)')
    assert result.stdout == 'pycocotools._mask\n', result.stderr
