"""AP of two estimators on the same annotated boxes."""

import contextlib
import io

import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.errors import MissingPackageError
from mmpose_amfac.packages import install_command
from mmpose_amfac.poses import Poses

BATCH = 16


def average_precisions(annotated, skeleton, input_size, padding: float, estimators) -> list[float]:
    """Key point AP of each estimator on annotated boxes, as COCO's evaluation counts it; no flip test.

    Args:
        annotated: :class:`~mmpose_amfac.deploy.samples.Annotated` that passed its ``check``.
        skeleton: joints and sigmas.
        input_size: (width, height) of a crop.
        padding: factor on the box size.
        estimators: functions crops (n, height, width, 3) uint8 BGR -> key points (n, K, 2) in pixels of the crop and
            scores (n, K).

    Raises:
        MissingPackageError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ModuleNotFoundError:
        raise MissingPackageError(f'an AP needs pycocotools: {install_command("pycocotools")}') from None
    results = _results(annotated, input_size, padding, estimators)
    values = []
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotated.path))
        for found in results:
            evaluation = COCOeval(truth, truth.loadRes(found), 'keypoints')
            evaluation.params.catIds = [annotated.category]
            if skeleton.sigmas:
                evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            values.append(float(evaluation.stats[0]))
    return values


def _results(annotated, input_size, padding, estimators) -> list[list[dict]]:
    """COCO results of each estimator."""
    results = [[] for _ in estimators]
    rows = []

    def flush():
        crops = np.concatenate([row[2] for row in rows])
        for found, estimate in zip(results, estimators):
            keypoints, scores = estimate(crops)
            start = 0
            for image_id, boxes, cut, center, scale in rows:
                part = slice(start, start + len(cut))
                start += len(cut)
                poses = Poses(geometry.to_image(keypoints[part], center, scale, input_size), scores[part], boxes,
                              np.ones(len(boxes)))
                found.extend(poses.to_coco(image_id, annotated.category, len(found) + 1))
        rows.clear()

    for person in annotated.people():
        center, scale = geometry.boxes_to_center_scale(person.boxes, input_size, padding)
        rows.append((person.image_id, person.boxes, geometry.crop(person.image, center, scale, input_size), center,
                     scale))
        if sum(len(row[2]) for row in rows) >= BATCH:
            flush()
    if rows:
        flush()
    return results
