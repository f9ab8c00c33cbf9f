"""Lets MMDeploy 1.3 export with torch >= 2.9.

``torch.onnx.export`` then goes through ``torch.export`` by default, which refuses MMDeploy's ``dynamic_axes`` and does
not trace its rewrites (``TorchExportError: Failed to export the model with torch.export``). MMDeploy's own module is
given a ``torch`` whose exporter traces; torch itself stays as it is. No upstream report is known.
"""

import inspect

import wrapt


def apply(export) -> None:
    """Replace the name ``torch`` in ``mmdeploy.apis.onnx.export`` where tracing is not the default."""
    parameter = inspect.signature(export.torch.onnx.export).parameters.get('dynamo')
    if parameter is not None and parameter.default is not False:
        export.torch = _Torch(export.torch)


class _Torch(wrapt.ObjectProxy):

    @property
    def onnx(self):
        return _Onnx(self.__wrapped__.onnx)


class _Onnx(wrapt.ObjectProxy):

    def export(self, *args, **kwargs):
        return self.__wrapped__.export(*args, **{'dynamo': False, **kwargs})
