"""When a file is right: how far it may be from torch, by precision, and the exit codes that say so."""

import numpy as np

# pixels of the network input, of clear joints and of boxes; guesses of int8 move far while its AP stays
PIXELS = dict(fp32=0.1, fp16=1.0)
# any value of an output, as a share of the peak; int8 is judged by its AP
VALUES = dict(fp32=1e-3, fp16=2e-2)
# the score of any joint, as a share of the network's largest, or of any box
SCORES = dict(fp32=1e-3, fp16=2e-2)
BOX_SCORES = SCORES | dict(int8=0.2)
# the mean over all joints' scores: int8 moves single joints, and their scores with them
MEAN_SCORES = dict(int8=0.05)
# 2 is a call that cannot be answered
EXIT_CODES = dict(passed=0, rejected=1, unverified=3)


def exit_code(report: dict) -> int:
    """0 where a check passed, 1 where it or the manifest says rejected, 3 where nobody could judge."""
    return EXIT_CODES['rejected' if 'manifest' in report else report['status']]


def apart(values, like) -> float:
    """Largest difference, as a share of the largest of ``like``."""
    return float(_share(values, like).max())


def mean_apart(values, like) -> float:
    """Mean difference, as a share of the largest of ``like``."""
    return float(_share(values, like).mean())


def wrong_scores(values, like, precision: str) -> list[str]:
    """Why scores of joints are not torch's ``like``: one of them, or in int8 all on average, is too far away."""
    return (exceeded('scores differ from torch', apart(values, like), SCORES.get(precision), ' of the largest')
            + exceeded('scores differ from torch', mean_apart(values, like), MEAN_SCORES.get(precision),
                       ' of the largest', 'on average by'))


def _share(values, like) -> np.ndarray:
    return np.abs(values - like) / (np.abs(like).max() or 1)


def exceeded(what: str, value: float, limit: float | None, unit: str = '', most: str = 'by up to') -> list[str]:
    """The reason for a rejection where a figure is not within its limit; none without a limit."""
    # written so that NaN fails
    if limit is None or value <= limit:
        return []
    return [f'{what} {most} {value:.3g}{unit}, more than {limit:.3g}{unit}']


def fault(name: str, value, shape) -> str | None:
    """What is wrong with an output before it is compared with anything, in a line."""
    if tuple(value.shape) != tuple(shape):
        return f'the output {name} has the shape {tuple(value.shape)}, torch gives {tuple(shape)}'
    if not np.isfinite(value).all():
        return f'the output {name} holds values that are not finite'
    return None
