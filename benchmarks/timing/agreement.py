"""Whether what is timed computes what torch computes, for every picture of the batch."""

import numpy as np

from mmpose_amfac.errors import AMFACError

# largest difference of float32 outputs from torch's, relative to the largest output
TOLERANCE = 1e-3
# deep random networks round by more than that: allowed is so often torch's own rounding, and never more than the most
ROUNDING, MOST = 4, 1e-2
# outputs for two pictures must differ by so many tolerances, or comparing them shows nothing
SENSITIVITY = 100
# by so much the outputs of less precise arithmetic correlate more with torch's than those for another picture
RESEMBLANCE = 0.1
# share of torch's people that a file must give as well, and the other way round. Rounding decides which of several
# equals NMS keeps, which in random networks differs by a tenth of them from processor to processor; what agrees must
# agree to TOLERANCE, and of a file that computes something else next to nothing would
PEOPLE = 0.8


class WrongOutputError(AMFACError):
    """What should be timed does not compute what torch computes."""


def compare(folder, found, run) -> dict:
    """How outputs for a batch agree with torch's: their largest difference, and below float32 the correlation.

    Random networks carry the rounding of int8, bfloat16 and float16 on much further than trained ones, so that there
    the outputs only have to resemble torch's more than torch's for another picture do.

    Args:
        folder: :class:`benchmarks.models.exports.Folder` of the system.
        found: arrays with a row for each picture.
        run: :class:`benchmarks.timing.opened.Run`.

    Raises:
        WrongOutputError: another result than torch's.
        AMFACError: outputs that hardly depend on the picture.
    """
    name, (first, other), reference = folder.system.name, folder.expected, folder.outputs(run.batch)
    if not difference(other, first) >= SENSITIVITY * TOLERANCE:
        raise AMFACError(f'{name}: outputs for two pictures are too much alike to compare files by them')
    shapes = [[v.shape for v in side] for side in (found, reference)]
    if shapes[0] != shapes[1]:
        raise WrongOutputError(f'{name}: the outputs of {run.backend} are {shapes[0]}, those of torch {shapes[1]}; no '
                               'time is taken')
    if run.precision != 'fp32':
        alike, usual = correlation(found, reference), correlation(other, first)
        if not alike >= usual + RESEMBLANCE:
            raise WrongOutputError(f'{name} {run.precision}: the outputs of {run.backend} correlate with torch by '
                                   f'{alike:.2f}, those for another picture by {usual:.2f}; no time is taken')
        return dict(correlation_with_torch=round(alike, 3))
    worst = difference(found, reference)
    return dict(difference_from_torch=float(f'{worst:.2e}'),
                **judged(folder, worst, f'the outputs of {run.backend} differ from torch'))


def judged(folder, apart: float, what: str) -> dict:
    """Torch's own rounding, where only that excuses a difference of float32 outputs, for the row; else nothing.

    Args:
        folder: of the system.
        apart: relative to the largest output.
        what: differs, for the error.

    Raises:
        WrongOutputError: the difference is larger.
    """
    # written so that NaN fails
    if apart <= TOLERANCE:
        return {}
    own = folder.rounding
    allowed = min(max(TOLERANCE, ROUNDING * own), MOST)
    if not apart <= allowed:
        raise WrongOutputError(f'{folder.system.name}: {what} by {apart:.1e} of the largest output, more than '
                               f'{allowed:.1e} (torch itself rounds by {own:.1e}); no time is taken')
    return dict(rounding_of_torch=float(f'{own:.2e}'))


def compare_people(folder, outputs, run) -> dict:
    """Pair the people of each picture with torch's, both ways.

    Args:
        folder, run: as for :func:`compare`.
        outputs: boxes with scores (B, n, 5), and what stands beside them: labels (B, n) or key points (B, n, K, 2 or
            3). Boxes without area, of which random weights make many and only MMDeploy keeps, do not count.

    Raises:
        WrongOutputError: other people than torch's, or too few of them to tell.
    """
    from mmpose_amfac.deploy.reference_boxes import paired
    name, size = folder.system.name, folder.system.input_size
    pairs, lone = [], 0
    for i, people in enumerate(folder.people(run.batch)):
        wanted, points, labels = as_arrays(people)
        found = outputs[0][i]
        beside, kinds = (None, outputs[1][i]) if points is None else (outputs[1][i][..., :2], np.zeros(len(found), int))
        # of the largest coordinate, as pixels of boxes are of the input
        scale = 1 if points is None else max(size) / max(np.abs(points).max(initial=0), max(size))
        theirs, ours = (_people(*side, size, scale) for side in ((wanted, points, labels), (found, beside, kinds)))
        matched, missed = paired(_Wanted(*theirs), np.concatenate([ours[0], ours[1][:, None]], 1), ours[2],
                                 -np.inf, TOLERANCE * max(size))
        pairs += matched
        lone += missed
    if len(pairs) + lone < 3:
        raise WrongOutputError(f'{name}: {len(pairs) + lone} boxes in torch and {run.backend} are too few to compare; '
                               'no time is taken')
    share = 2 * len(pairs) / (2 * len(pairs) + lone)
    if share < PEOPLE:
        raise WrongOutputError(f'{name}: only {share:.0%} of the boxes of torch and {run.backend} are those of the '
                               'other; no time is taken')
    worst = max(max(away / max(size), apart) for away, apart in pairs)
    if not worst <= TOLERANCE:
        raise WrongOutputError(f'{name}: people of {run.backend} differ from torch by {worst:.1e}; no time is taken')
    return dict(difference_from_torch=float(f'{worst:.2e}'))


class _Wanted:
    """What pairing asks of torch's boxes."""

    def __init__(self, boxes, scores, labels):
        self.bboxes, self.scores, self.labels = boxes, scores, labels


def as_arrays(people):
    """Boxes with scores (n, 5), key points (n, K, 2) or None, and labels (n,), 0 beside key points, of InstanceData."""
    boxes = np.concatenate([np.asarray(people.bboxes), np.asarray(people.scores).reshape(-1, 1)], 1)
    if 'keypoints' in people:
        return boxes, np.asarray(people.keypoints)[..., :2], np.zeros(len(boxes), int)
    return boxes, None, np.asarray(people.labels)


def _people(boxes, points, labels, size, scale: float):
    """(coordinates, scores, labels) of boxes with area, clipped to the picture."""
    corners = np.clip(boxes[:, :4], 0, np.tile(size, 2))
    kept = (corners[:, 2:] > corners[:, :2]).all(1)
    coordinates = corners if points is None else np.concatenate([corners, scale * points.reshape(len(boxes), -1)], 1)
    return coordinates[kept], boxes[kept, 4], labels[kept]


def difference(outputs, reference) -> float:
    """Largest difference of two lists of arrays, relative to the largest value of the second."""
    return max(float(abs(a - e).max() / abs(e).max()) for a, e in zip(outputs, reference, strict=True))


def correlation(outputs, reference) -> float:
    """Correlation of two lists of arrays, all values taken together."""
    return float(np.corrcoef(*(np.concatenate([v.ravel() for v in side]) for side in (outputs, reference)))[0, 1])
