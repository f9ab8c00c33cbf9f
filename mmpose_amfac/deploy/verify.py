"""Does an exported file give the joints of the network that it was made of?"""

import os
from pathlib import Path

import numpy as np

from mmpose_amfac.apis.report import cpu_name
from mmpose_amfac.deploy.accuracy import average_precisions
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.trained import trained_model
from mmpose_amfac.deploy.vectors import CHUNK, LEAD, Vectors, clear, decode, reference, run
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime.engines import open_engine

# pixels of the network input; int8 is judged by its AP
LIMITS = dict(fp32=0.1, fp16=1.0)
# between crops alone and in company, where arithmetic is exact enough to ask for it
CONSISTENT = dict(fp32=1e-3)
# of the peak, any bin: a network whose joints hardly depend on its picture would pass otherwise
BINS = dict(fp32=1e-2)
AP_LIMIT = 0.005


def verify(path, manifest: Manifest, crops, estimator) -> dict:
    """Compare a file with the network that it was exported from.

    Crops go through the file one at a time, three at a time and, where its batch is fixed, that many at a time. A file
    in float32 must agree within 0.1 pixels of the network input, and within 1 % of the peak in every bin; one with
    float16 arithmetic or weights within 1 pixel. Joints are compared that
    :func:`~mmpose_amfac.deploy.vectors.clear` passes. Batches of 1 and 3 must agree within 0.001 pixels in float32.
    With annotations the AP must be within 0.005; int8 is judged by this alone and is ``'unverified'`` without. A file
    that does not open or run is rejected as well.

    Args:
        path: the file.
        manifest: what is known of it.
        crops: :class:`~mmpose_amfac.deploy.samples.Samples`.
        estimator: :class:`~mmpose_amfac.apis.TorchEstimator` of its source, on any device.

    Returns:
        ``status`` (``'passed'``, ``'rejected'`` or ``'unverified'``), ``reasons`` and the figures, ready for JSON.

    Raises:
        AMFACError: annotations of other joints, or without what an AP needs.
        MissingPackageError: the engine is not installed.
    """
    crops.check(len(manifest.skeleton))
    report = dict(status='passed', reasons=[], samples=dict(
        description=crops.description, crops=len(crops.crops), sha256=crops.sha256), **_about(manifest))
    try:
        engine = open_file(path, manifest)
        report['arithmetic'] = f'{engine.precision}, {engine.provider}'
        wanted = reference(estimator, crops.crops)
        found = {n: run(engine, manifest, crops.crops, n) for n in sorted({1, 3, manifest.batch or 3})}
        report['reasons'] += _broken(manifest, wanted, found)
        if not report['reasons']:
            report |= _parity(manifest, wanted, found, report['reasons'])
            report |= _accuracy(engine, manifest, crops.annotated, estimator, report['reasons'])
    except MissingPackageError:
        raise
    except AMFACError as error:
        # the folder may be a temporary one
        report['reasons'].append(str(error).replace(f'{Path(path).parent}{os.sep}', ''))
    if report['reasons']:
        report['status'] = 'rejected'
    elif manifest.precision == 'int8' and not _has_ap(report):
        report |= dict(status='unverified', ap='unverified')
        report.setdefault('ap_reason', 'give annotations with --ann FILE')
    return report


def verify_file(path, config=None, weights=None, images=None, ann=None, image_root=None) -> dict:
    """Repeat the verification of an exported file, after comparing it with its manifest's sha256.

    The manifest takes over the result where that says something new: a rejection, a first pass, or an AP. A rejection
    stays until the check that found it passes: the same crops, or an AP where one was measured; ``manifest`` in the
    result then says so.

    Args:
        path: the file, with its manifest beside it.
        config, weights: what it was exported from; by default what the manifest names.
        images, ann, image_root: see :func:`~mmpose_amfac.deploy.samples.samples`.

    Returns:
        see :func:`verify`.

    Raises:
        AMFACError: no manifest, another file, config or weights than it names, or a file that does not open.
    """
    path = Path(path)
    manifest = Manifest.read(Manifest.path_of(path))
    if next(iter(manifest.files)) != path.name:
        raise AMFACError(f'{Manifest.path_of(path)} belongs to {next(iter(manifest.files))}')
    manifest.check_files(path.parent)
    source = trained_model(manifest, config, weights)
    _same_contract(manifest, source)
    crops = samples(manifest.input_size, manifest.padding, images, ann, image_root)
    report = verify(path, manifest, crops, source.estimator)
    if _worth_recording(report, manifest.verification):
        manifest.verification = report
        manifest.write(path)
    elif report['status'] == 'passed' and manifest.verification['status'] == 'rejected':
        report['manifest'] = 'stays rejected: that was found by another check; repeat it with the same pictures'
    return report


def _same_contract(manifest: Manifest, source) -> None:
    """Both sides are prepared and decoded by the manifest, so it must say what the trained model says."""
    told = dict(input_size=source.input_size, padding=source.padding, channel_order=source.channel_order,
                mean=source.mean, std=source.std, decode=source.decode, skeleton=source.estimator.skeleton)
    for name, expected in told.items():
        found = getattr(manifest, name)
        if found != expected:
            detail = f': {found} instead of {expected}' if name != 'skeleton' else ''
            raise AMFACError(f'the manifest has another {name} than the trained model{detail}; export it again')


def open_file(path, manifest: Manifest):
    """The engine that a file was written for."""
    if manifest.backend == 'torchscript':
        from mmpose_amfac.deploy.torchscript import TorchScriptEngine
        width, height = manifest.input_size
        return TorchScriptEngine(path, manifest.input_name, (manifest.batch or None, 3, height, width),
                                 manifest.outputs)
    backend = 'onnxruntime' if manifest.backend == 'onnx' else manifest.backend
    return open_engine(path, backend, 'cuda' if backend == 'tensorrt' else 'cpu')


def _worth_recording(new: dict, old: dict) -> bool:
    if new['status'] != 'passed':
        return new['status'] == 'rejected'
    if old['status'] == 'rejected':
        return _has_ap(new) if _has_ap(old) else _crops(new) == _crops(old)
    return old['status'] != 'passed' or _has_ap(new)


def _has_ap(report: dict) -> bool:
    return isinstance(report.get('ap'), float)


def _crops(report: dict) -> str | None:
    samples = report.get('samples')
    return samples.get('sha256') if isinstance(samples, dict) else None


def told(report: dict) -> list[str]:
    """The figures in lines for a person."""
    lines = []
    if report.get('max_px') is not None:
        limit = f', limit {report["limit_px"]} px' if report['limit_px'] else ''
        lines.append(f'against torch: max {report["max_px"]:.2g} px, mean {report["mean_px"]:.2g} px over '
                     f'{report["compared"]} of {report["joints"]} joints{limit}; {report["left_out"]:.1%} left out '
                     f'(no clear best bin)')
        lines.append(f'batch 1 against 3: max {report["batch_px"]:.2g} px')
    if _has_ap(report):
        lines.append(f'AP {report["ap"]:.4f}, torch {report["ap_torch"]:.4f} ({report["ap_persons"]} persons)')
    elif report.get('ap'):
        lines.append(f'AP unverified: {report["ap_reason"]}')
    lines += [f'rejected: {reason}' for reason in report['reasons']]
    if 'manifest' in report:
        lines.append(f'the manifest {report["manifest"]}')
    samples = report['samples']
    where = f'{samples["crops"]} {samples["description"]}' if samples['description'].startswith('crops') else \
        f'{samples["crops"]} crops of {samples["description"]}'
    return [*lines, f'{report["status"]} on {where}, {report["engine"]}, {report["device"]}']


def _broken(manifest, wanted: Vectors, found: dict) -> list[str]:
    """What is wrong with the outputs before any joint is compared."""
    for n, vectors in found.items():
        for name, value, like in zip(manifest.outputs, vectors, wanted):
            if value.shape != like.shape:
                return [f'the output {name} has the shape {value.shape}, the network gives {like.shape}']
            if not np.isfinite(value).all():
                return [f'batch {n}: {name} holds values that are not finite']
    return []


def _parity(manifest, wanted: Vectors, found: dict, reasons: list[str]) -> dict:
    joints, scores = decode(manifest, wanted)
    chosen = clear(wanted, manifest.decode['window'])
    decoded = {n: decode(manifest, vectors) for n, vectors in found.items()}
    away = np.stack([np.linalg.norm(points - joints, axis=-1) for points, _ in decoded.values()])
    apart = np.linalg.norm(decoded[1][0] - decoded[3][0], axis=-1)
    # weights rounded to float16 are no longer the float32 network
    limit = LIMITS.get('fp16' if manifest.source.get('half_weights') else manifest.precision)
    consistent = CONSISTENT.get(manifest.precision)
    result = dict(batches=list(found), limit_px=limit, joints=chosen.size, compared=int(chosen.sum()),
                  left_out=round(float(1 - chosen.mean()), 4), max_px=None, mean_px=None, batch_px=None,
                  left_out_max_px=float(away[:, ~chosen].max(initial=0)),
                  bins_max=max(_bins_apart(vectors, wanted) for vectors in found.values()),
                  score_max=float(max(np.abs(s - scores).max() for _, s in decoded.values())))
    if not chosen.any():
        reasons.append(f'no joint has a best bin that leads by more than {LEAD:g} of the peak: nothing to compare')
        return result
    result |= dict(max_px=float(away[:, chosen].max()), mean_px=float(away[:, chosen].mean()),
                   batch_px=float(apart[chosen].max()))
    if limit is not None and result['max_px'] > limit:
        reasons.append(f'joints differ from torch by up to {result["max_px"]:.3g} px, more than {limit} px')
    if consistent is not None and result['batch_px'] > consistent:
        reasons.append(f'batches of 1 and 3 differ by up to {result["batch_px"]:.3g} px, more than {consistent} px')
    bins = BINS.get(manifest.precision if limit == LIMITS['fp32'] else None)
    if bins is not None and result['bins_max'] > bins:
        reasons.append(f'bins differ from torch by up to {result["bins_max"]:.1%} of the peak, more than {bins:.0%}')
    return result


def _bins_apart(vectors: Vectors, wanted: Vectors) -> float:
    """Largest difference of a bin, as a part of the peak of its row."""
    return max(float((np.abs(a - b).max(-1) / b.max(-1)).max()) for a, b in zip(vectors, wanted))


def _accuracy(engine, manifest, annotated, estimator, reasons: list[str]) -> dict:
    if annotated is None:
        return {}
    if not annotated.keypoints:
        return dict(ap='unverified', ap_reason='none was measured, the annotations have boxes but no key points')
    batch = manifest.batch or CHUNK
    ours, torch_ap = average_precisions(
        annotated, manifest.skeleton, manifest.input_size, manifest.padding,
        [lambda crops: decode(manifest, run(engine, manifest, crops, batch)),
         lambda crops: decode(manifest, reference(estimator, crops))])
    if min(ours, torch_ap) < 0:
        # COCO's evaluation gives -1
        return dict(ap='unverified', ap_reason='none was measured, no annotated person counts (num_keypoints, area)')
    if abs(ours - torch_ap) > AP_LIMIT:
        reasons.append(f'AP {ours:.4f} instead of {torch_ap:.4f}, more than {AP_LIMIT} away')
    return dict(ap=ours, ap_torch=torch_ap, ap_persons=len(annotated))


def _about(manifest) -> dict:
    import torch
    device = cpu_name()
    if manifest.backend == 'tensorrt' and torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    package = dict(onnx='onnxruntime', torchscript='torch').get(manifest.backend, manifest.backend)
    return dict(reference=f'torch {torch.__version__} float32', engine=f'{package} {version(package)}',
                precision=manifest.precision, device=device)


def version(package: str) -> str | None:
    """Of an installed distribution; None where it has no metadata."""
    from importlib import metadata
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
