import json
import platform
import re
import subprocess

import pytest
from mmengine.config import ConfigDict

from mmpose_amfac.apis import report
from mmpose_amfac.files import sha256


class Data(list):
    bbox_file = None


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / 'some.json'
    path.write_text(json.dumps(dict(images=[{}, {}, {}])))
    return path


def test_protocol_is_read_from_the_evaluator_that_has_it(annotations):
    cfg = ConfigDict(model=dict(test_cfg=dict(flip_test=True)), test_evaluator=[
        dict(type='PCKAccuracy'),
        dict(type='CocoMetric', ann_file=str(annotations), score_mode='bbox', keypoint_score_thr=0.5, use_area=False,
             nms_mode='none')])
    told = report.protocol(cfg, Data(range(5)))
    assert (told['images'], told['persons'], told['flip_test']) == (3, 5, True)
    assert told['annotations_sha256'] == sha256(annotations)
    assert (told['score_mode'], told['keypoint_score_thr'], told['use_area']) == ('bbox', 0.5, False)
    assert told['nms_mode'] == 'none' and told['nms_thr'] is None
    assert told['boxes'] == dict(source='ground truth')


def test_protocol_without_coco_metric_and_with_detector_boxes(annotations):
    dataset = Data([1])
    dataset.bbox_file = str(annotations)
    told = report.protocol(ConfigDict(model=dict(), test_evaluator=dict(type='PCKAccuracy')), dataset)
    assert told['evaluators'] == ['PCKAccuracy'] and told['images'] is None and told['score_mode'] is None
    assert told['boxes'] == dict(source='detector', files=['some.json'], sha256=[sha256(annotations)])


def test_processors_of_one_name_are_told_apart(tmp_path):
    def name(text):
        (tmp_path / 'cpuinfo').write_text(text)
        return report.cpu_name(tmp_path / 'cpuinfo')

    one = 'processor\t: 0\ncpu family\t: 25\nmodel\t\t: {}\nmodel name\t: AMD EPYC\nflags\t\t: {}\n'
    older = name(one.format(1, 'fpu avx avx2') + '\n' + one.format(17, 'avx512f'))
    assert older == 'CPU (AMD EPYC, family 25 model 1, AVX2)'
    assert name(one.format(17, 'avx2 avx512f avx512_bf16')) == 'CPU (AMD EPYC, family 25 model 17, AVX-512 bf16)'
    # an ARM board names neither
    assert name('processor\t: 0\nBogoMIPS\t: 108.00\n') == f'CPU ({platform.machine()})'
    assert report.cpu_name(tmp_path / 'missing').startswith('CPU (')


def test_commit_is_that_of_the_checkout_or_none(monkeypatch, tmp_path):
    monkeypatch.setattr(report, 'mim_root', lambda: tmp_path)
    assert report.commit() is None


def test_only_code_makes_a_commit_dirty(monkeypatch, tmp_path):
    def git(*arguments):
        subprocess.run(['git', '-c', 'user.name=n', '-c', 'user.email=e', *arguments], cwd=tmp_path, check=True,
                       capture_output=True)

    files = [tmp_path / name for name in ('code.py', 'README.md', 'docs/page.md', 'benchmarks/results/r.json')]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('1')
    git('init')
    git('add', '.')
    git('commit', '-m', 'm')
    monkeypatch.setattr(report, 'PACKAGE', tmp_path / 'mmpose_amfac')
    monkeypatch.setattr(report, 'mim_root', lambda: tmp_path)
    head = report.commit()
    assert re.fullmatch('[0-9a-f]{12}', head)
    for file in files[1:]:
        file.write_text('2')
    assert report.commit() == head
    files[0].write_text('2')
    assert report.commit() == f'{head}-dirty'


@pytest.mark.parametrize('prefix', ['coco', 'crowdpose'])
def test_average_precision_under_any_prefix(prefix):
    told = dict(metrics={f'{prefix}/AP': 0.25, f'{prefix}/AP .5': 0.5})
    assert report.average_precision(told) == 0.25 and report.average_precision(told, 'AP .5') == 0.5
