"""Does an exported file give the joints of the network that it was made of?"""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmpose_amfac.apis.report import cpu_name
from mmpose_amfac.deploy.accuracy import average_precisions
from mmpose_amfac.deploy.places import is_file
from mmpose_amfac.deploy.samples import samples
from mmpose_amfac.deploy.trained import trained_model
from mmpose_amfac.deploy.vectors import CHUNK, Vectors, clear, decode, lead_of, reference, run
from mmpose_amfac.deploy.verdict import PIXELS, VALUES, apart, exceeded, fault, mean_apart, wrong_scores
from mmpose_amfac.errors import AMFACError, MissingPackageError
from mmpose_amfac.manifest import SUFFIXES, Manifest
from mmpose_amfac.runtime.engines import open_engine

# pixels between crops alone and in company, where arithmetic is exact enough to ask for it
CONSISTENT = dict(fp32=1e-3)
AP_LIMIT = 0.005
# below, a file may lose every person and keep the AP; with fewer persons a single one that crosses a single of COCO's
# ten thresholds moves the AP by more than AP_LIMIT
AP_LEAST, PERSONS = 0.05, 20


class _FileFault(AMFACError):
    """The file is at fault, neither its annotations nor the call."""


def verify(path, manifest: Manifest, crops, estimator) -> dict:
    """Compare a file with the network that it was exported from.

    Crops go through the file one at a time and, unless its batch is 1, three at a time and its batch at a time.
    :mod:`~mmpose_amfac.deploy.verdict` has the limits of joints, bins and scores; float16 weights have those of float16
    arithmetic. Joints are compared that :func:`~mmpose_amfac.deploy.vectors.clear` passes, bins and scores all. Batches
    of 1 and 3 must agree within 0.001 pixels in float32. With annotations the AP must be within 0.005; int8 needs that
    and is ``'unverified'`` without, or where the AP of torch is below 0.05 or of fewer than 20 persons. A file that
    does not open or run is rejected as well.

    Args:
        path: the file.
        manifest: what is known of it.
        crops: :class:`~mmpose_amfac.deploy.samples.Samples`.
        estimator: :class:`~mmpose_amfac.apis.TorchEstimator` of its source, on any device.

    Returns:
        ``status`` (``'passed'``, ``'rejected'`` or ``'unverified'``), ``reasons`` and the figures, ready for JSON.

    Raises:
        AMFACError: annotations of other joints, without what an AP needs, or pictures that cannot be read.
        MissingPackageError: the engine is not installed.
    """
    crops.check(len(manifest.skeleton))
    report = dict(status='passed', reasons=[], samples=dict(
        description=crops.description, crops=len(crops.crops), sha256=crops.sha256), **_about(manifest))
    try:
        with _at_fault(path):
            engine = open_file(path, manifest)

        def estimate(pictures, batch):
            with _at_fault(path):
                return run(engine, manifest, pictures, batch)

        report['arithmetic'] = f'{engine.precision}, {engine.provider}'
        wanted = reference(estimator, crops.crops)
        sizes = {1} if manifest.batch == 1 else {1, 3, manifest.batch or 3}
        found = {n: estimate(crops.crops, n) for n in sorted(sizes)}
        report['reasons'] += _broken(manifest, wanted, found)
        if not report['reasons']:
            report |= _parity(manifest, wanted, found, report['reasons'])
            report |= _accuracy(estimate, manifest, crops.annotated, estimator, report['reasons'])
    except _FileFault as error:
        report['reasons'].append(str(error))
    if report['reasons']:
        report['status'] = 'rejected'
    elif manifest.precision == 'int8' and not _has_ap(report):
        report['status'] = 'unverified'
        report.setdefault('ap_reason', 'give annotations with --ann FILE')
    return report


@contextmanager
def _at_fault(path):
    """What fails inside is the fault of this file."""
    try:
        yield
    except MissingPackageError:
        raise
    except AMFACError as error:
        # the folder may be a temporary one
        raise _FileFault(str(error).replace(f'{Path(path).parent}{os.sep}', '')) from None


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
        AMFACError: no such file or manifest, another file, config or weights than it names, or pictures or annotations
            that cannot be read.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES.values():
        raise AMFACError(f'{path} must end in {", ".join(sorted(set(SUFFIXES.values())))}: give a file that amfacpose '
                         'export wrote')
    if not is_file(path):
        raise AMFACError(f'{path} does not exist; give a file that amfacpose export wrote')
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
    elif manifest.verification['status'] == 'rejected':
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
        same = _crops(new) == _crops(old)
        return _has_ap(new) or same and _measured(new) if _measured(old) else same
    return old['status'] != 'passed' or _has_ap(new)


def _has_ap(report: dict) -> bool:
    """An AP was measured that can judge."""
    return _measured(report) and 'ap_reason' not in report


def _measured(report: dict) -> bool:
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
    if report.get('batch_px') is not None:
        lines.append(f'batch 1 against 3: max {report["batch_px"]:.2g} px')
    if _measured(report):
        lines.append(f'AP {report["ap"]:.4f}, torch {report["ap_torch"]:.4f} ({report["ap_persons"]} persons)')
    if 'ap_reason' in report:
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
            reason = fault(name, value, like.shape)
            if reason is not None:
                return [f'batch {n}: {reason}']
    return []


def _parity(manifest, wanted: Vectors, found: dict, reasons: list[str]) -> dict:
    joints, scores = decode(manifest, wanted)
    decoded = {n: decode(manifest, vectors) for n, vectors in found.items()}
    peaks = np.stack([values for _, values in decoded.values()])
    away = np.stack([np.linalg.norm(points - joints, axis=-1) for points, _ in decoded.values()])
    # weights rounded to float16 are no longer the float32 network
    precision = 'fp16' if manifest.source.get('half_weights') else manifest.precision
    chosen = clear(wanted, manifest.decode['window'], precision)
    limit = PIXELS.get(precision)
    result = dict(batches=list(found), limit_px=limit, joints=chosen.size, compared=int(chosen.sum()),
                  left_out=round(float(1 - chosen.mean()), 4), max_px=None, mean_px=None, batch_px=None,
                  left_out_max_px=float(away[:, ~chosen].max(initial=0)),
                  bins_max=max(_bins_apart(vectors, wanted) for vectors in found.values()),
                  score_max=apart(peaks, scores), score_mean=mean_apart(peaks, scores))
    if not chosen.any():
        reasons.append(f'no joint has a best bin that leads by more than {lead_of(precision):g} of the peak: nothing '
                       'to compare')
        return result
    result |= dict(max_px=float(away[:, chosen].max()), mean_px=float(away[:, chosen].mean()))
    reasons += exceeded('joints differ from torch', result['max_px'], limit, ' px')
    if 3 in decoded:
        between = np.linalg.norm(decoded[1][0] - decoded[3][0], axis=-1)
        result['batch_px'] = float(between[chosen].max())
        reasons += exceeded('batches of 1 and 3 differ', result['batch_px'], CONSISTENT.get(manifest.precision), ' px')
    # a network whose joints hardly depend on its picture would pass without
    reasons += exceeded('bins differ from torch', result['bins_max'], VALUES.get(precision), ' of the peak')
    reasons += wrong_scores(peaks, scores, precision)
    return result


def _bins_apart(vectors: Vectors, wanted: Vectors) -> float:
    """Largest difference of a bin, as a part of the peak of its row."""
    return max(float((np.abs(a - b).max(-1) / b.max(-1)).max()) for a, b in zip(vectors, wanted))


def _accuracy(estimate, manifest, annotated, estimator, reasons: list[str]) -> dict:
    if annotated is None:
        return {}
    if not annotated.keypoints:
        return dict(ap_reason='none was measured, the annotations have boxes but no key points')
    batch = manifest.batch or CHUNK
    ours, torch_ap = average_precisions(
        annotated, manifest.skeleton, manifest.input_size, manifest.padding,
        [lambda crops: decode(manifest, estimate(crops, batch)),
         lambda crops: decode(manifest, reference(estimator, crops))])
    if min(ours, torch_ap) < 0:
        # COCO's evaluation gives -1
        return dict(ap_reason='none was measured, no annotated person counts (num_keypoints, area)')
    result = dict(ap=ours, ap_torch=torch_ap, ap_persons=len(annotated))
    if abs(ours - torch_ap) > AP_LIMIT:
        reasons.append(f'AP {ours:.4f} instead of {torch_ap:.4f}, more than {AP_LIMIT} away')
    elif torch_ap < AP_LEAST:
        result['ap_reason'] = f'an AP of torch below {AP_LEAST} cannot judge; give annotations on which torch has more'
    elif len(annotated) < PERSONS:
        result['ap_reason'] = f'{len(annotated)} persons are too few to judge; give annotations of {PERSONS} or more'
    return result


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
