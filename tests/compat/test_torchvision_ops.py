from types import SimpleNamespace

import pytest

from mmpose_amfac.compat import torchvision_ops


@pytest.mark.slow
def test_torchvision_imports_where_its_operators_cannot_load(python):
    without = python('import torchvision')
    if without.returncode == 0:
        pytest.skip('the operators of this torchvision load: nothing to mend')
    assert 'operator torchvision::nms does not exist' in without.stderr
    result = python("""
        import mmpose_amfac
        import torch
        import torchvision.extension
        from mmpose_amfac.compat import torchvision_ops
        torchvision_ops.apply(torchvision.extension)  # a second time
        image = torchvision.transforms.ToPILImage()(torch.zeros(3, 4, 5))
        try:
            torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        except RuntimeError as error:
            print(image.size, str(error).partition('.')[0])
    """)
    assert result.stdout == "(5, 4) Couldn't load custom C++ ops\n", result.stderr


@pytest.mark.parametrize(('loaded', 'defined'), [(True, []), (False, ['nms', 'qnms'])])
def test_working_operators_are_left_alone(monkeypatch, loaded, defined):
    names = []
    recorder = SimpleNamespace(define=lambda schema: names.append(schema.partition('(')[0]))
    monkeypatch.setattr(torchvision_ops, '_library', recorder)
    monkeypatch.setattr(torchvision_ops.torch.ops, 'torchvision', SimpleNamespace())
    torchvision_ops.apply(SimpleNamespace(_has_ops=lambda: loaded))
    assert names == defined
