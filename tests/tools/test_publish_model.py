import json

import pytest
import torch

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256, write_json
from tools.publish_model import publish, write_card


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


def test_card_is_made_of_the_report_of_the_same_weights(tmp_path):
    weights = tmp_path / 'w.pth'
    weights.write_bytes(b'tensors')
    report = dict(metrics={'coco/AP': 0.12345}, model=dict(config='c.py', weights_sha256=sha256(weights)),
                  protocol=dict(annotations='coco_dev.json', boxes=dict(source='ground truth'), flip_test=True))
    write_json(tmp_path / 'report.json', report)
    card = json.loads(write_card(tmp_path / 'report.json', weights).read_text())
    assert (card['ap'], card['ap_dataset'], card['boxes']) == (0.1235, 'coco_dev', 'ground truth')
    weights.write_bytes(b'others')
    with pytest.raises(AMFACError, match='other weights'):
        write_card(tmp_path / 'report.json', weights)


@pytest.mark.parametrize('name', ['amfacpose', 'amfacpose-r18-256x256', 'amfacpose-r34-384x288'])
def test_packaged_card_and_committed_report_are_of_the_packaged_weights(name, root):
    from mmpose_amfac.model_index import find
    weights = find(name).weights
    card = json.loads(weights.with_suffix('.json').read_text())
    report = json.loads((root / f'benchmarks/results/accuracy_{weights.stem}_{card["ap_dataset"]}.json').read_text())
    assert card['weights_sha256'] == report['model']['weights_sha256'] == sha256(weights)
    assert card['ap'] == pytest.approx(report['metrics']['coco/AP'], abs=1e-4)
    assert card['boxes'] == report['protocol']['boxes']['source']
