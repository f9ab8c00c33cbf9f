"""Key point AP of COCO results, with an interval."""

import contextlib
import io

import numpy as np

RECALLS = np.linspace(0, 1, 101)


class KeypointScores:
    """Evaluates results once; AP of any choice of pictures is then a matter of milliseconds.

    Args:
        content: COCO key point annotations, read.
        results: COCO key point results.
        sigmas: OKS constant of each joint.

    Attributes:
        metrics: AP, AP50, AP75, APM, APL and AR as pycocotools gives them.
        groups: for each source picture (``coco_id`` where pictures are crops of others, else the id) the rows of its
            evaluations.
    """

    def __init__(self, content: dict, results: list[dict], sigmas):
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = content
            truth.createIndex()
            found = truth.loadRes(results) if results else COCO()
            evaluation = COCOeval(truth, found, 'keypoints')
            evaluation.params.kpt_oks_sigmas = np.array(sigmas)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        self.metrics = dict(zip(('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR'), map(float, evaluation.stats[:6])))
        # the first area is 'all'
        pictures = sorted(truth.imgs)
        per_picture = dict(zip(evaluation.params.imgIds, evaluation.evalImgs[:len(evaluation.params.imgIds)]))
        self._rows = [_row(per_picture[i]) for i in pictures]
        groups = {}
        for row, i in enumerate(pictures):
            groups.setdefault(truth.imgs[i].get('coco_id', i), []).append(row)
        self.groups = list(groups.values())

    def ap(self, groups) -> float:
        """AP of the source pictures with these indices; one that stands twice counts twice."""
        rows = [self._rows[row] for group in groups for row in self.groups[group]]
        scores, hits, ignored, persons = zip(*rows)
        scores, hits, ignored = np.concatenate(scores), np.concatenate(hits, 1), np.concatenate(ignored, 1)
        order = np.argsort(-scores, kind='mergesort')
        hits, ignored = hits[:, order], ignored[:, order]
        total = sum(persons)
        if not total:
            return float('nan')
        values = [_average(hit[~skip], total) for hit, skip in zip(hits, ignored)]
        return float(np.mean(values))

    def interval(self, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
        """95 % interval of the AP: percentile bootstrap over source pictures, whose persons are not independent."""
        from scipy.stats import bootstrap
        result = bootstrap((np.arange(len(self.groups)), ), self.ap, vectorized=False, method='percentile',
                           n_resamples=resamples, rng=np.random.default_rng(seed))
        return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _row(evaluated):
    """Scores (d,), hits (T, d), ignored (T, d) and the number of persons that count, of one picture."""
    if evaluated is None:
        empty = np.zeros((10, 0), bool)
        return np.zeros(0), empty, empty, 0
    return (np.array(evaluated['dtScores']), evaluated['dtMatches'] > 0, evaluated['dtIgnore'].astype(bool),
            int(np.sum(evaluated['gtIgnore'] == 0)))


def _average(hits, persons: int) -> float:
    """COCO's AP at one threshold: the precision at 101 recalls, made monotone."""
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    index = np.searchsorted(found / persons, RECALLS, side='left')
    return float(np.append(precision, 0)[np.minimum(index, len(precision))].mean())
