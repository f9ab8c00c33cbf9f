"""Weights of files: those that must fit, and plain tensors."""

from pathlib import Path

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


def read_tensors(source) -> dict:
    """The tensors of a checkpoint of ``tools/train.py`` by name: those of the EMA where the run had one.

    Raises:
        AMFACError: no such file, or one without a ``state_dict``.
    """
    from mmengine.runner.checkpoint import CheckpointLoader

    if not Path(source).is_file():
        raise AMFACError(f'checkpoint {source} does not exist')
    checkpoint = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')
    # MMEngine stores the EMA as state_dict
    state = checkpoint.get('state_dict') if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise AMFACError(f'{source} holds no state_dict; give a checkpoint of tools/train.py')
    return state
