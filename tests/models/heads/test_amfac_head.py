import copy

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import load_state_dict
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch.nn import functional as F

from mmpose_amfac.errors import AMFACError

FLIP = [0, 2, 1]


def build(size=(48, 64), joints=3, **codec):
    torch.manual_seed(0)
    head = MODELS.build(dict(type='AMFACHead', in_channels=8, out_channels=joints, embed_dims=5, hidden_dims=12,
                             decoder=dict(type='AMFACSimCCLabel', input_size=size, **codec)))
    return head.eval()


def feats(size=(48, 64), batch=2):
    return (torch.randn(batch, 8, size[1] // 4, size[0] // 4, generator=torch.Generator().manual_seed(3)), )


def samples(batch=2):
    return [PoseDataSample(metainfo=dict(flip_indices=FLIP)) for _ in range(batch)]


def test_eq_17_to_19():
    head, (f, ) = build(), feats()
    e = F.conv2d(f, head.embedding.weight, head.embedding.bias).reshape(2, 3, 5, 16, 12)
    for axis, mlp, out in zip((3, 4), (head.mlp_x, head.mlp_y), head((f, ))):
        hidden = F.mish(e.mean(axis).reshape(2, 3, -1) @ mlp[0].weight.T + mlp[0].bias)
        torch.testing.assert_close(out, hidden @ mlp[2].weight.T + mlp[2].bias, rtol=1e-4, atol=1e-5)
    assert [tuple(o.shape) for o in head((f, ))] == [(2, 3, 96), (2, 3, 128)]


def test_predictions_are_the_best_bins_with_scores_in_0_1():
    head = build()
    preds = head.predict(feats(), samples())
    logits = head(feats())
    for i, pred in enumerate(preds):
        assert pred.keypoints.shape == (1, 3, 2) and pred.keypoint_scores.shape == (1, 3)
        expected = torch.stack([o[i].argmax(-1) for o in logits], -1) / 2
        np.testing.assert_array_equal(pred.keypoints[0], expected.numpy())
        assert (pred.keypoint_scores > 0).all() and (pred.keypoint_scores <= 1).all()


def test_output_heatmaps_carry_the_vectors():
    preds, fields = build().predict(feats(), samples(), dict(output_heatmaps=True))
    assert fields[0].heatmaps.shape == (3, 128, 96)
    x, y = preds[0].keypoint_x_labels[0], preds[0].keypoint_y_labels[0]
    np.testing.assert_allclose(fields[0].heatmaps.numpy(), y[:, :, None] * x[:, None], rtol=1e-5)


def test_flip_test_averages_after_the_one_bin_shift():
    head, one, two = build(), feats(), (feats()[0].flip(0), )
    pred, = head.predict([(one[0][:1], ), (two[0][:1], )], samples(1), dict(flip_test=True))
    plain, mirrored = head.vectors((one[0][:1], )), head.vectors((two[0][:1], ))
    x = mirrored[0][:, FLIP].flip(-1)
    x = torch.cat([x[..., 1:], x[..., -1:]], -1)
    best_x = ((plain[0] + x) / 2).argmax(-1)
    best_y = ((plain[1] + mirrored[1][:, FLIP]) / 2).argmax(-1)
    np.testing.assert_array_equal(pred.keypoints[0], (torch.stack([best_x, best_y], -1)[0] / 2).numpy())


def calibrated(slope, offset):
    head = build(target='gaussian', sigma=2.0, window=6)
    config = dict(type='AMFACHead', in_channels=8, out_channels=3, embed_dims=5, hidden_dims=12,
                  decoder=dict(type='AMFACSimCCLabel', input_size=(48, 64), target='gaussian', sigma=2.0, window=6))
    other = MODELS.build(dict(config, calibration=dict(slope=slope, offset=offset))).eval()
    # what is fitted to weights is not in a checkpoint
    other.load_state_dict(head.state_dict(), strict=True)
    return head, other


def test_calibration_changes_scores_alone():
    slope, offset = [1.5, 0.5, 2.0], [2.0, -1.0, 0.3]
    head, other = calibrated(slope, offset)
    plain, = head.predict(feats(batch=1), samples(1))
    found, = other.predict(feats(batch=1), samples(1))
    np.testing.assert_allclose(found.keypoints, plain.keypoints, atol=1e-3)
    logits = np.array(slope) * np.log(plain.keypoint_scores) + offset
    np.testing.assert_allclose(found.keypoint_scores, 1 / (1 + np.exp(-logits)), rtol=1e-4)


@pytest.mark.parametrize('calibration, message', [
    (dict(slope=[1, 1, 1]), 'must be None or a dict with slope and offset'),
    (dict(slope=[1, 1], offset=[0, 0, 0]), 'calibration.slope must be a list of 3 numbers'),
    (dict(slope=[1, 0, 1], offset=[0, 0, 0]), 'calibration.slope=0 must be a number, above 0'),
    (dict(slope=[1, 1, 1], offset=[0, 0, float('nan')]), 'calibration.offset=nan')])
def test_a_wrong_calibration(calibration, message):
    with pytest.raises(AMFACError, match=message):
        MODELS.build(dict(type='AMFACHead', in_channels=8, out_channels=3, calibration=calibration,
                          decoder=dict(type='AMFACSimCCLabel', input_size=(48, 64))))


def test_loss_is_that_of_the_loss_module_and_counts_accuracy():
    from mmengine.structures import InstanceData
    head = build()
    target = head.decoder.encode(np.array([[[5, 5], [20, 30], [40, 60]]], 'f4'))
    batch = samples(2)
    for sample in batch:
        sample.gt_instance_labels = InstanceData(**{k: torch.from_numpy(v) for k, v in target.items()})
    losses = head.loss(feats(), batch)
    stacked = [torch.cat([torch.from_numpy(target[k])] * 2) for k in ('keypoint_x_labels', 'keypoint_y_labels')]
    torch.testing.assert_close(losses['loss_kpt'], head.loss_module(head(feats()), stacked, torch.ones(2, 3)))
    assert 0 <= losses['acc_pose'] <= 1
    wrong = build(joints=4)
    with pytest.raises(AMFACError, match='out_channels=4 but the data set has 3'):
        wrong.loss(feats(), batch)


@pytest.mark.parametrize('field, kwargs', [
    ('decoder', dict(decoder=None)),
    ('input_size', dict(decoder=dict(type='AMFACSimCCLabel', input_size=(50, 64)))),
    ('embed_dims', dict(embed_dims=0)),
    ('in_stride', dict(in_stride=0)),
    ('in_channels', dict(in_channels='64')),
    ('hidden_dims', dict(hidden_dims=9.5)),
    ('out_channels', dict(out_channels=0)),
])
def test_bad_settings_are_named(field, kwargs):
    config = dict(type='AMFACHead', decoder=dict(type='AMFACSimCCLabel', input_size=(48, 64)))
    with pytest.raises(AMFACError, match=field) as error:
        MODELS.build({**config, **kwargs})
    assert '\n' not in str(error.value)


def test_map_of_another_size_is_an_error():
    with pytest.raises(AMFACError, match=r'built for a \(48, 64\).*\(96, 128\)'):
        build()(feats((96, 128)))


@pytest.mark.parametrize('size', [(96, 128), (72, 96), (48, 48)])
def test_a_checkpoint_of_another_size_is_resized(size):
    small = build((48, 64))
    large = build(size)
    with pytest.warns(UserWarning, match='start for training'):
        load_state_dict(large, small.state_dict(), strict=True)
    assert large.resized_from == small.decoder.bins and small.resized_from is None
    # the same picture, twice as large: bilinear features give the same curve over the bins
    f = feats((48, 64))[0]
    smooth = F.interpolate(F.interpolate(f, (4, 3), mode='bilinear'), (16, 12), mode='bilinear', align_corners=False)
    bigger = F.interpolate(smooth, (size[1] // 4, size[0] // 4), mode='bilinear', align_corners=False)
    for a, b in zip(small((smooth, )), large((bigger, ))):
        a = F.interpolate(a.flatten(0, 1)[None], b.shape[-1], mode='linear', align_corners=False)[0]
        b = b.flatten(0, 1)
        assert torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] > 0.95
        assert (a - b).abs().mean() < 0.35 * a.std()


def test_a_checkpoint_of_the_same_size_is_untouched():
    one, two = build(), build()
    for p in one.parameters():
        torch.nn.init.normal_(p)
    load_state_dict(two, one.state_dict(), strict=True)
    assert two.resized_from is None
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values()))


def test_another_number_of_joints_loads_the_rest_and_lists_the_embedding(tmp_path, capsys):
    torch.save(dict(state_dict=build(joints=17).state_dict()), tmp_path / 'k17.pth')
    model = build(joints=3)
    before = copy.deepcopy(model.state_dict())
    load_checkpoint(model, str(tmp_path / 'k17.pth'))
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert 'embedding.weight' in text and 'embedding.bias' in text and 'mlp_x' not in text
    after = model.state_dict()
    changed = {k for k in after if not torch.equal(before[k], after[k])}
    assert 'embedding.weight' not in changed
    assert torch.equal(after['mlp_x.0.weight'], build(joints=17).state_dict()['mlp_x.0.weight'])


def test_training_takes_means_before_the_embedding():
    head = build()
    expected, trained = head(feats()), head.train()(feats())
    for a, b in zip(expected, trained):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
