import pytest
import torch

from mmpose_amfac.compat import mmcv_ext
from mmpose_amfac.errors import MissingPackageError


@pytest.mark.slow
def test_compiled_operators_are_served(python):
    without = python('import mmcv.ops')
    if without.returncode == 0:
        pytest.skip('this MMCV has its compiled operators: nothing to mend')
    assert "No module named 'mmcv._ext'" in without.stderr
    result = python("""
        import mmpose_amfac
        import torch
        from mmcv.ops import batched_nms, nms
        from mmengine.model.utils import mmcv_full_available
        boxes = torch.tensor([[0., 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
        kept, indices = nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5)
        print(indices.tolist(), mmcv_full_available())
    """)
    assert result.stdout == '[1, 2] False\n', result.stderr


@pytest.mark.slow
def test_mmcv_imported_before_the_plugin(python):
    result = python("""
        import mmcv
        import mmpose_amfac
        import mmcv.ops
        print(mmcv._ext.nms.__module__)
    """)
    assert result.stdout in ('mmpose_amfac.compat.mmcv_ext\n', 'mmcv._ext\n'), result.stderr


def plain_nms(boxes, scores, threshold, offset):
    """The same rule on Python numbers, pair by pair."""
    boxes, kept = boxes.tolist(), []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        x0, y0, x1, y1 = boxes[index]
        for other in kept:
            a0, b0, a1, b1 = boxes[other]
            w, h = min(x1, a1) - max(x0, a0) + offset, min(y1, b1) - max(y0, b0) + offset
            shared = max(w, 0) * max(h, 0)
            areas = (x1 - x0 + offset) * (y1 - y0 + offset) + (a1 - a0 + offset) * (b1 - b0 + offset)
            if shared / (areas - shared) > threshold:
                break
        else:
            kept.append(index)
    return kept


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('number', [0, 1, 60])
def test_nms_follows_its_definition(number, offset):
    generator = torch.Generator().manual_seed(number)
    corner = torch.rand(number, 2, generator=generator, dtype=torch.float64) * 30
    boxes = torch.cat([corner, corner + torch.rand(number, 2, generator=generator, dtype=torch.float64) * 30], 1)
    scores = torch.rand(number, generator=generator)
    kept = mmcv_ext.nms(boxes, scores, iou_threshold=0.4, offset=offset)
    assert kept.dtype == torch.int64
    assert kept.tolist() == plain_nms(boxes, scores.tolist(), 0.4, offset)
    assert number < 2 or 1 < len(kept) < number  # some were suppressed, some kept


def test_another_operator_names_itself_and_the_command():
    operator = mmcv_ext._missing('roi_align_forward')
    with pytest.raises(MissingPackageError, match=r"'roi_align_forward'.*make full.*MMCV_WITH_OPS=1 python -m pip"):
        operator(torch.zeros(1))
    with pytest.raises(AttributeError):
        mmcv_ext._missing('__path__')


def test_a_trace_does_not_keep_the_steps():
    """Exports of detectors with 80 classes took gigabytes."""
    corner = torch.arange(50.)[:, None].repeat(1, 2)
    boxes, scores = torch.cat([corner, corner + 10], 1), torch.linspace(1, 0, 50)
    traced = torch.jit.trace(lambda b, s: b[mmcv_ext.nms(b, s, 0.5)], (boxes, scores), check_trace=False)
    assert len(list(traced.graph.nodes())) < 10
    assert traced(boxes, scores).equal(boxes[mmcv_ext.nms(boxes, scores, 0.5)])
