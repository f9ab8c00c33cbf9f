"""Key point annotations, and key point AP of COCO results with an interval."""

import contextlib
import io
import warnings

import numpy as np

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import read_json

RECALLS = np.linspace(0, 1, 101)
LEVEL = 0.95
# the figures of an evaluation, in its order
STATS = dict(keypoints=('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR'),
             keypoints_crowd=('AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75', 'AP_easy', 'AP_medium', 'AP_hard'))


def read_annotations(path, pictures: str | None = None) -> dict:
    """COCO key point annotations of one category, of the pictures whose ``FIELD=VALUE`` holds.

    Returns:
        the file's content; every annotation has ``num_keypoints`` and ``iscrowd``.

    Raises:
        AMFACError: another file, no picture is left, or none with a labelled person.
    """
    content = read_json(path, 'annotations')
    if not isinstance(content, dict) or not all(
            isinstance(content.get(key), list) for key in ('images', 'annotations', 'categories')):
        raise AMFACError(f'{path} has no lists images, annotations and categories; COCO key point annotations '
                         'are needed')
    for i, image in enumerate(content['images']):
        _fields(image, ('id', 'file_name'), f'{path}: images[{i}]')
    for i, category in enumerate(content['categories']):
        _fields(category, ('id', ), f'{path}: categories[{i}]')
    categories = [c for c in content['categories'] if len(content['categories']) == 1 or c.get('keypoints')]
    if len(categories) != 1:
        raise AMFACError(f'{path}: one of categories must have the names of its keypoints, {len(categories)} do')
    images = content['images']
    if pictures is not None:
        field, _, value = pictures.partition('=')
        images = [image for image in images if str(image.get(field)) == value]
        if not images:
            raise AMFACError(f'--pictures {pictures}: {path} has no picture whose {field!r} is {value!r}')
    ids, crowd = {image['id'] for image in images}, is_crowdpose(content)
    for i, entry in enumerate(content['annotations']):
        _fields(entry, ('id', 'image_id', 'category_id'), f'{path}: annotations[{i}]')
    people = [_annotation(a, f'{path}: annotations[{i}]', crowd) for i, a in enumerate(content['annotations'])
              if a['image_id'] in ids and a['category_id'] == categories[0]['id']]
    if not any(map(counts, people)):
        raise AMFACError(f'{path}: no person of these pictures has a labelled joint')
    return {**content, 'categories': categories, 'images': images, 'annotations': people}


def _fields(entry, names, where: str) -> None:
    if not isinstance(entry, dict):
        raise AMFACError(f'{where} is not an object')
    if missing := set(names) - entry.keys():
        raise AMFACError(f'{where} has no {min(missing)}')


def _annotation(entry: dict, where: str, crowd: bool) -> dict:
    # CrowdPose takes the area from the box
    _fields(entry, ('bbox', 'keypoints') if crowd else ('area', 'bbox', 'keypoints'), where)
    return {'iscrowd': 0, 'num_keypoints': sum(v > 0 for v in entry['keypoints'][2::3]), **entry}


def of_pictures(content: dict, ids: set) -> dict:
    """The part of annotations that is about the pictures with these ids."""
    return {**content, 'images': [one for one in content['images'] if one['id'] in ids],
            'annotations': [one for one in content['annotations'] if one['image_id'] in ids]}


def counts(annotation: dict) -> bool:
    """Whether it is a person with labelled joints, and no crowd."""
    return bool(annotation['num_keypoints']) and not annotation['iscrowd']


def is_crowdpose(content: dict) -> bool:
    """Whether the pictures have CrowdPose's crowd index, and with it its rules."""
    return all('crowdIndex' in image for image in content['images'])


class KeypointScores:
    """Evaluates results once; AP of any choice of pictures is then a matter of milliseconds.

    Args:
        content: COCO key point annotations, read.
        results: COCO key point results of these pictures; they are not changed.
        sigmas: OKS constant of each joint.

    Attributes:
        iou_type: ``keypoints_crowd`` where pictures have CrowdPose's crowd index, else ``keypoints``.
        use_area: whether the size of a person is that of its ``area``; CrowdPose takes it from the box.
        metrics: AP, AP50, AP75, APM, APL and AR as pycocotools gives them, for CrowdPose with AP_easy, AP_medium and
            AP_hard; None where no person has that area or level.
        groups: for each source picture (``coco_id`` where pictures are crops of others, else the id) the rows of its
            evaluations.
        useful: indices of the groups that have a person or a pose; the others change no AP.
    """

    def __init__(self, content: dict, results: list[dict], sigmas):
        # pycocotools writes the id of a match where 0 means none, and mixes up persons with the same id
        content = {**content, 'annotations': [{**one, 'id': i} for i, one in enumerate(content['annotations'], 1)]}
        crowd = is_crowdpose(content)
        self.iou_type, self.use_area = 'keypoints_crowd' if crowd else 'keypoints', not crowd
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = _evaluation(content, [dict(result) for result in results], sigmas, crowd)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        stats = [None if value < 0 else float(value) for value in evaluation.stats]
        found = dict(zip(STATS[self.iou_type], stats))
        keys = [*STATS['keypoints'], *(STATS['keypoints_crowd'][6:] if crowd else ())]
        self.metrics = {key: found.get(key) for key in keys}
        # the first area is 'all'
        ids = evaluation.params.imgIds
        per_picture = dict(zip(ids, evaluation.evalImgs[:len(ids)]))
        groups = {}
        for row, image in enumerate(content['images']):
            groups.setdefault(image.get('coco_id', image['id']), []).append(row)
        self.groups = list(groups.values())
        owner = np.empty(len(ids), int)
        for group, rows in enumerate(self.groups):
            owner[rows] = group
        rows = [_row(per_picture[image['id']]) for image in content['images']]
        scores, hits, ignored, persons = zip(*rows)
        self._owner = np.repeat(owner, list(map(len, scores)))
        self._persons = np.bincount(owner, persons, len(self.groups))
        self.useful = np.flatnonzero(self._persons + np.bincount(self._owner, minlength=len(self.groups)))
        order = np.argsort(-np.concatenate(scores), kind='mergesort')
        self._owner = self._owner[order]
        self._hits, self._skip = np.concatenate(hits, 1)[:, order], np.concatenate(ignored, 1)[:, order]

    def ap(self, groups) -> float:
        """AP of the source pictures with these indices; one that stands twice counts twice. NaN without a person."""
        times = np.bincount(groups, minlength=len(self.groups))
        total = times @ self._persons
        if not total:
            return float('nan')
        weights = times[self._owner]
        return float(np.mean([_average(weights * hit, weights, total) for hit, weights in zip(
            self._hits, weights * ~self._skip)]))

    def resample(self, resamples: int = 1000, seed: int = 0):
        """Bootstrap of the AP over source pictures, whose persons are not independent; see :func:`resample`."""
        return resample(self.ap, self.useful, resamples, seed)


def resample(statistic, groups, resamples: int = 1000, seed: int = 0):
    """Percentile bootstrap over source pictures.

    Args:
        statistic: indices of source pictures -> a number, or NaN where they tell none.
        groups: indices of the source pictures.

    Returns:
        the 95 % interval (low, high), and the value of each resample that has one.
    """
    from scipy.stats import bootstrap
    if len(groups) == 1:
        # it cannot be drawn otherwise
        value = float(statistic(np.asarray(groups)))
        return (value, value), np.full(resamples, value)
    with warnings.catch_warnings():
        # of resamples without a person, for which its own interval would be NaN
        warnings.simplefilter('ignore')
        values = bootstrap((np.asarray(groups), ), statistic, vectorized=False, method='percentile',
                           n_resamples=resamples, rng=np.random.default_rng(seed)).bootstrap_distribution
    values = values[~np.isnan(values)]
    if not len(values):
        raise AMFACError(f'none of {resamples} resamples of {len(groups)} source pictures has a person: take more '
                         'pictures with persons')
    low, high = np.percentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return (float(low), float(high)), values


def _evaluation(content, results, sigmas, crowd):
    if crowd:
        from mmpose_amfac.compat.xtcocotools.coco import COCO
        from mmpose_amfac.compat.xtcocotools.cocoeval import COCOeval
        truth = COCO(ann_data=content)
        return COCOeval(truth, truth.loadRes(results), 'keypoints_crowd', np.array(sigmas), use_area=False)
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    truth = COCO()
    truth.dataset = content
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(results) if results else COCO(), 'keypoints')
    evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    return evaluation


def _row(evaluated):
    """Scores (d,), hits (T, d), ignored (T, d) and the number of persons that count, of one picture."""
    if evaluated is None:
        empty = np.zeros((10, 0), bool)
        return np.zeros(0), empty, empty, 0
    return (np.array(evaluated['dtScores']), evaluated['dtMatches'] > 0, evaluated['dtIgnore'].astype(bool),
            int(np.sum(evaluated['gtIgnore'] == 0)))


def _average(hits, seen, persons: int) -> float:
    """COCO's AP at one threshold: the precision at 101 recalls, made monotone.

    Args:
        hits, seen: (d,), best score first: how often each pose counts as a hit, and how often it counts.
    """
    found, seen = np.cumsum(hits), np.cumsum(seen)
    precision = found / np.maximum(seen, 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    index = np.searchsorted(found / persons, RECALLS, side='left')
    return float(np.append(precision, 0)[np.minimum(index, len(precision))].mean())
