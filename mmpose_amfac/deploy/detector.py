"""RTMDet through MMDeploy, for :mod:`mmpose_amfac.runtime`."""

import tempfile
from pathlib import Path

from mmpose_amfac import paths
from mmpose_amfac.deploy import deploy_config
from mmpose_amfac.deploy.convert import CHECK, Conversion, convert
from mmpose_amfac.deploy.places import make_folder
from mmpose_amfac.errors import AMFACError, integers, one_of

ENDINGS = {'onnxruntime': '.onnx', 'openvino': '.xml'}


def export_detector(config, weights, out, input_size=(320, 320), backend: str = 'onnxruntime',
                    images=None) -> Conversion:
    """Export a detector with NMS inside: input (1, 3, height, width), ``dets`` (1, N, 5), ``labels`` (1, N).

    The pixels are those that :class:`~mmpose_amfac.runtime.detector.OnnxDetector` makes. The result is compared with
    torch first; what fails is written as ``OUT.rejected``.

    Args:
        config: RTMDet config, of MMDetection or of ``mmpose/.mim/demo/mmdetection_cfg``.
        weights: checkpoint that fits.
        out: file; ``.onnx``, or ``.xml`` for OpenVINO.
        input_size: (width, height) of the network input, multiples of 32 pixels.
        backend: ``'onnxruntime'`` or ``'openvino'``.
        images: folder of pictures to compare on; by default photographs that scikit-image installs.

    Raises:
        AMFACError: an argument outside these values; see also :func:`~mmpose_amfac.deploy.convert.convert`.
    """
    one_of('backend', backend, tuple(ENDINGS))
    integers('input_size', tuple(input_size), 2)
    if any(side % 32 for side in input_size):
        raise AMFACError(f'input_size={tuple(input_size)} must be multiples of 32, the largest stride of RTMDet')
    out = Path(out)
    if out.suffix != ENDINGS[backend]:
        raise AMFACError(f'out={str(out)!r} must end in {ENDINGS[backend]} for {backend}')
    deploy = deploy_config.load(paths.mim_root() / 'configs' / 'deploy' / f'detection_{backend}_static-320x320.py')
    deploy.onnx_config.input_shape = list(input_size)
    for inputs in deploy.backend_config.get('model_inputs', ()):
        inputs.opt_shapes.input = [1, 3, input_size[1], input_size[0]]
    make_folder(f'out={str(out)!r}', out.parent, f'{out.name}.{CHECK}')
    with tempfile.TemporaryDirectory(prefix='.detector-', dir=out.parent) as folder:
        done = convert(deploy, config, weights, folder, images)
        files = [out.with_name(file.name.replace('end2end', out.stem)) for file in done.files]
        for source, target in zip(done.files, files):
            source.replace(target)
        Path(folder, CHECK).replace(out.with_name(f'{out.name}.{CHECK}'))
    return Conversion(files, done.report)
