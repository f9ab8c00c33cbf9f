"""Weights that must fit."""

from mmpose_amfac.errors import AMFACError


def load_weights(model, weights, config) -> dict:
    """Load a checkpoint that has every tensor of the model at its size, and return it.

    Training starts from whatever fits (MMEngine's ``load_from``); a prediction or a figure must not rest on weights
    that were partly left random, or resized from another input size.

    Args:
        model: the network.
        weights: checkpoint file or address.
        config: named in the error.

    Raises:
        AMFACError: weights of another model or of another input size.
    """
    from mmengine.runner import load_checkpoint

    try:
        checkpoint = load_checkpoint(model, str(weights), map_location='cpu', strict=True, logger='silent')
    except RuntimeError as error:
        detail = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), error)
        raise AMFACError(f'{weights} are not weights of {config}: {str(detail)[:200]}') from None
    if getattr(getattr(model, 'head', None), 'resized_from', None):
        raise AMFACError(f'{weights} were trained at another input size than {config} has; take the config that they '
                         'were trained with, or train from them first (load_from)')
    return checkpoint
