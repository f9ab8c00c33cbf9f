import pytest
import torch

from mmpose_amfac.errors import AMFACError
from tools.publish_model import publish


def test_release_is_tensors_only_and_loads_safely(r18, tmp_path):
    state = r18.state_dict()
    torch.save(dict(state_dict=state, meta=dict(epoch=2), optimizer={}), tmp_path / 'epoch.pth')
    told = publish(tmp_path / 'epoch.pth', tmp_path / 'out.pth')
    released = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert list(released) == ['state_dict']
    kept = {k for k in state if not k.endswith('num_batches_tracked')}
    assert set(released['state_dict']) == kept and told['tensors'] == len(kept)
    for name in kept:
        assert released['state_dict'][name].dtype == torch.float16
        torch.testing.assert_close(released['state_dict'][name].float(), state[name], rtol=1e-3, atol=1e-4)
    r18.load_state_dict(released['state_dict'], strict=False)
    assert (tmp_path / 'out.pth').stat().st_size < 6e6


def test_what_half_precision_cannot_hold_is_refused(tmp_path):
    torch.save(dict(state_dict=dict(w=torch.tensor([1e6]))), tmp_path / 'a.pth')
    with pytest.raises(AMFACError, match='w holds'):
        publish(tmp_path / 'a.pth', tmp_path / 'b.pth')
    assert not (tmp_path / 'b.pth').exists()
