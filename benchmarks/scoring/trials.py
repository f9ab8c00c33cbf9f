"""Models on the same annotated persons, each in the person's own box."""

from dataclasses import dataclass

from benchmarks.models.estimators import Estimator
from benchmarks.models.kinds import kind_of, takes_boxes
from benchmarks.results import CannotRunError
from benchmarks.scoring import joints
from benchmarks.scoring.poses_file import sigmas_of
from benchmarks.scoring.task import Task, add_options, described


@dataclass
class Trial:
    """A model and the persons of a task.

    Attributes:
        estimator: the opened model.
        task: pictures and options.
        people: of :func:`benchmarks.scoring.joints.persons`.
        sigmas: OKS constants.
        facts: what every row with figures says of model and protocol.
    """

    estimator: Estimator
    task: Task
    people: list[joints.Person]
    sigmas: tuple
    facts: dict

    def predict(self, change=None, desc: str = '') -> list[dict]:
        """See :func:`benchmarks.scoring.joints.predict`."""
        return joints.predict(self.estimator, self.people, self.task.args.images, change, desc)


def arguments(parser):
    """Add what a command of trials reads."""
    parser.add_argument('models', nargs='+', metavar='MODEL', help='as in python -m benchmarks.accuracy')
    add_options(parser)
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    parser.set_defaults(boxes='gt')
    return parser


def open_trial(task: Task, model: str) -> Trial:
    """Open a model.

    Raises:
        CannotRunError: it is not given boxes, or see :func:`~benchmarks.models.estimators.open_estimator`.
        AMFACError: it has other joints than the annotations.
    """
    checkpoint = task.args.checkpoint
    if kind_of(model, checkpoint) == 'results':
        raise CannotRunError(f'{model} has results, which are not found anew in other pictures')
    if not takes_boxes(model, checkpoint):
        raise CannotRunError(f'{model} finds the persons itself, so it cannot be given one after the other')
    estimator = task.open(model)
    sigmas = sigmas_of(task.content, estimator)
    people = joints.persons(task.content, estimator.joints)
    # each person is alone, so that no pose lies on another
    protocol = {**task.protocol, 'boxes': task.boxes.facts, 'poses': len(people), **estimator.protocol,
                'nms_mode': 'none'}
    return Trial(estimator, task, people, sigmas, dict(described(estimator), protocol=protocol))
