"""Each block against its equation, written out with numpy."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmpose_amfac.models.layers import DGCB, SCRM, SE, CoordConv2d, DSCBlock, DSConv


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def x():
    return torch.randn(2, 8, 6, 5, generator=torch.Generator().manual_seed(0))


def randomise(module):
    generator = torch.Generator().manual_seed(1)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.dtype.is_floating_point:
            tensor.data = torch.rand(tensor.shape, generator=generator) + 0.1
    return module.eval()


def test_coord_conv_eq_2(x):
    layer = randomise(CoordConv2d(8, 4))
    columns = np.linspace(-1, 1, 5) * layer.scale[0].item() + layer.shift[0].item()
    rows = np.linspace(-1, 1, 6) * layer.scale[1].item() + layer.shift[1].item()
    grid = np.stack([np.tile(columns, (6, 1)), np.tile(rows[:, None], (1, 5))]).astype('f4')
    stacked = np.concatenate([x.numpy(), np.tile(grid, (2, 1, 1, 1))], axis=1)
    expected = F.conv2d(torch.from_numpy(stacked), layer.conv.weight, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_coord_conv_sees_position():
    layer = randomise(CoordConv2d(3, 4))
    out = layer(torch.zeros(1, 3, 9, 9))
    assert (out[0, :, 4, 4] - out[0, :, 4, 5]).abs().max() > 1e-3


@pytest.mark.parametrize('stride', [1, 2])
def test_dsc_eq_3_and_4(x, stride):
    layer = randomise(DSConv(8, 6, stride))
    depthwise = F.conv2d(x, layer.dw.weight, stride=stride, padding=1, groups=8)
    pointwise = torch.einsum('oc,bchw->bohw', layer.pw.weight[:, :, 0, 0], depthwise)
    torch.testing.assert_close(layer(x), layer.norm(pointwise))
    assert randomise(DSConv(8, 6, norm_after_dw=True))(x).shape == (2, 6, 6, 5)


def test_se_eq_12_and_13(x):
    layer = randomise(SE(8, 4))
    z = x.numpy().mean((2, 3))
    hidden = np.maximum(z @ layer.squeeze.weight[..., 0, 0].detach().numpy().T + layer.squeeze.bias.detach().numpy(), 0)
    gate = sigmoid(hidden @ layer.excite.weight[..., 0, 0].detach().numpy().T + layer.excite.bias.detach().numpy())
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy() * gate[:, :, None, None], rtol=1e-5)


def test_scrm_eq_14_to_16(x):
    layer = randomise(SCRM(8, 3))
    mean = x.numpy().mean((2, 3))
    kernel = layer.channel_conv.weight[0, 0].detach().numpy()
    padded = np.pad(mean, ((0, 0), (1, 1)))
    channel = sum(kernel[i] * padded[:, i:i + 8] for i in range(3))
    n = layer.channel_norm
    channel = (channel - n.running_mean.item()) / np.sqrt(n.running_var.item() + n.eps)
    channel = channel * n.weight.item() + n.bias.item()
    spatial = layer.spatial_norm(F.conv2d(x, layer.spatial_conv.weight, padding=1, groups=8)).detach().numpy()
    expected = x.numpy() * sigmoid(channel)[:, :, None, None] * sigmoid(spatial)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-4, atol=1e-6)


def test_dgcb_eq_10_and_11(x):
    layer = randomise(DGCB(8))
    z = x.numpy().mean((2, 3))
    masks = []
    for gate in (layer.context, layer.guide):
        hidden = np.maximum(z @ gate[0].weight[..., 0, 0].detach().numpy().T + gate[0].bias.detach().numpy(), 0)
        masks.append(sigmoid(hidden @ gate[2].weight[..., 0, 0].detach().numpy().T + gate[2].bias.detach().numpy()))
    expected = x.numpy() * (masks[0] * masks[1])[:, :, None, None]
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize('place', ['before_add', 'after_add'])
def test_block_order(x, place):
    block = randomise(DSCBlock(8, 8, scrm_place=place))
    branch = block.conv2(F.mish(block.conv1(x)))
    expected = F.mish(block.scrm(branch + x)) if place == 'after_add' else F.mish(block.scrm(branch) + x)
    torch.testing.assert_close(block(x), expected)


def test_block_skip_where_the_shape_changes(x):
    assert DSCBlock(8, 16, stride=2)(x).shape == (2, 16, 3, 3)
    assert isinstance(DSCBlock(8, 8).skip, torch.nn.Identity)
    assert isinstance(DSCBlock(8, 8, se_reduction=4).se, SE)
