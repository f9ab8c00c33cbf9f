"""Random weights that behave like trained ones."""


def settle(model, forward) -> None:
    """Give a network with random weights the BatchNorm statistics of pictures: else activations of deep ones vanish.

    Args:
        model: left in evaluation mode, with its momenta as they were.
        forward: runs the network on the pictures.
    """
    import torch
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        # the mean over all calls, not a moving one
        norm.momentum = None
        norm.train()
    if norms:
        with torch.no_grad():
            forward()
    for norm, momentum in zip(norms, usual):
        norm.momentum = momentum
    model.eval()
