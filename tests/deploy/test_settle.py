"""BatchNorm statistics of random weights."""

import pytest
import torch

from mmpose_amfac.deploy.settle import settle


def test_statistics_are_those_of_the_pictures():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4, momentum=0.2))
    network[1].running_mean.fill_(9)
    inputs = 5 + torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    settle(network, lambda: network(inputs))
    maps = network[0](inputs).detach()
    assert torch.allclose(network[1].running_mean, maps.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(network[1].running_var, maps.var((0, 2, 3)), rtol=1e-4)
    assert not network.training and not network[1].training and network[1].momentum == 0.2
    # normalised now
    assert abs(float(network(inputs).detach().std()) - 1) < 0.01


def test_a_network_without_batch_norm_is_not_run():
    settle(torch.nn.Linear(1, 1), lambda: pytest.fail('run'))
