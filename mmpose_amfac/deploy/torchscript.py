"""TorchScript files: written by tracing, run by torch alone (without MMPose)."""

import warnings
from pathlib import Path

import numpy as np
import torch

from mmpose_amfac.deploy.script_check import check
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.engines import Engine, first_line


def write(network, inputs, path) -> None:
    """Trace, freeze (constants and batch norms are folded) and save.

    Args:
        network: module in evaluation mode.
        inputs: (batch, 3, H, W) float32 tensor.
        path: of the new file.
    """
    with torch.no_grad(), warnings.catch_warnings():
        # sizes are fixed on purpose, and torch calls TorchScript deprecated at every call
        warnings.simplefilter('ignore')
        torch.jit.freeze(torch.jit.trace(network, inputs)).save(str(path))


class TorchScriptEngine(Engine):
    """A traced network on the CPU.

    Args:
        path: ``.ts`` file.
        input_shape: (batch or None, 3, H, W); the file does not say.
        output_names: in the order of the network.

    Raises:
        AMFACError: not a TorchScript file, or one with anything that our export does not write.
    """

    backend, provider = 'torchscript', 'cpu'

    def __init__(self, path, input_name: str, input_shape, output_names):
        check(path)
        try:
            self._module = torch.jit.load(str(Path(path)), map_location='cpu')
        except (RuntimeError, ValueError) as error:
            raise AMFACError(f'{path} is not a TorchScript file: {first_line(error)}') from None
        self._describe(path, [(input_name, tuple(input_shape))], [(name, ()) for name in output_names], 'TorchScript')

    def _run(self, batch: np.ndarray):
        try:
            with torch.inference_mode():
                return tuple(out.numpy() for out in self._module(torch.from_numpy(batch)))
        except RuntimeError as error:
            raise AMFACError(f'{self.path} failed in TorchScript: {first_line(error)}') from None
