"""Which fields the rows of a result file have, by its kind."""

from functools import cache

from mmpose_amfac.errors import AMFACError

TEXT, NUMBER, COUNT = {'type': 'string'}, {'type': 'number'}, {'type': 'integer', 'minimum': 0}
SOME_TEXT = {'type': 'string', 'minLength': 1}
# median, 10th and 90th percentile
SPREAD = {'type': 'array', 'items': NUMBER, 'minItems': 3, 'maxItems': 3}
SIZE = {'type': 'array', 'items': {'type': 'integer', 'minimum': 1}, 'minItems': 2, 'maxItems': 2}


def optional(kind: dict) -> dict:
    """That or null."""
    return {'anyOf': [kind, {'type': 'null'}]}


def fields(**properties) -> dict:
    """An object with these fields and no others; those in ``maybe`` need not be there."""
    maybe = properties.pop('maybe', {})
    return {'type': 'object', 'properties': {**properties, **maybe}, 'required': list(properties),
            'additionalProperties': False}


ENVIRONMENT = fields(device=SOME_TEXT, commit=optional(SOME_TEXT),
                     versions={'type': 'object', 'additionalProperties': SOME_TEXT})
# every row
COMMON = dict(id=SOME_TEXT, environment=ENVIRONMENT)
DIGEST = {'type': 'string', 'pattern': '^[0-9a-f]{64}$'}
SHARE = {'type': 'number', 'minimum': 0, 'maximum': 1}
METRICS = {name: {'type': 'number', 'maximum': 1} for name in ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR')}
# an AP without all of this is no result
PROTOCOL = fields(
    annotations=SOME_TEXT, annotations_sha256=DIGEST, pictures=SOME_TEXT, images=COUNT, persons=COUNT,
    boxes=fields(source={'enum': ['ground truth', 'detector', 'file', 'none']},
                 maybe=dict(file=SOME_TEXT, sha256=DIGEST, score_thr=NUMBER, most=COUNT)),
    poses=COUNT, flip_test={'type': 'boolean'}, iou_type={'enum': ['keypoints', 'keypoints_crowd']},
    use_area={'type': 'boolean'}, score_mode=SOME_TEXT, keypoint_score_thr=NUMBER, nms_mode=SOME_TEXT,
    backend=SOME_TEXT, precision=SOME_TEXT)
INTERVAL = fields(metric=SOME_TEXT, level=NUMBER, bounds={**SPREAD, 'minItems': 2, 'maxItems': 2}, resamples=COUNT,
                  seed=COUNT, over=SOME_TEXT)
# kind -> (settings, which every row has; figures, which a row has unless it has a reason; figures that it may have)
ROWS = {
    'complexity': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=TEXT, input=SIZE),
        dict(params=COUNT, macs=COUNT, activations=COUNT, published_params_m=optional(NUMBER),
             published_gmacs=optional(NUMBER), params_off=optional(NUMBER), macs_off=optional(NUMBER), note=TEXT),
        {}),
    # AP of a model; `model` is the name of a system of the zoo where it is one, else that of the file
    'accuracy': (
        dict(model=SOME_TEXT, file=SOME_TEXT, sha256=DIGEST, protocol=PROTOCOL),
        dict(metrics=fields(**METRICS, maybe=dict(AP_easy=NUMBER, AP_medium=NUMBER, AP_hard=NUMBER)),
             interval=INTERVAL, provider=SOME_TEXT, threads=COUNT, batch=COUNT),
        dict(input=SIZE, padding=NUMBER, decode={'type': 'object'}, channel_order=SOME_TEXT)),
    # milliseconds of one call of the network alone; ratio: to RTMPose-m 256x192 of the same back end, threads, batch
    # and rounds
    'speed': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=TEXT, input=SIZE, backend=SOME_TEXT, route=SOME_TEXT,
             form=SOME_TEXT, precision=SOME_TEXT, threads=COUNT, batch=COUNT, seed=COUNT),
        dict(ms=SPREAD, ratio=SPREAD, rounds=COUNT, warm_up=COUNT, load=NUMBER, provider=SOME_TEXT,
             arithmetic=SOME_TEXT, peak_memory_mb=optional(NUMBER)),
        dict(sha256=DIGEST, difference_from_torch=NUMBER, correlation_with_torch=NUMBER, roofline_ms=NUMBER,
             difference_between_routes=NUMBER)),
    # seconds from a picture to the poses of all people in it
    'scaling': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=SOME_TEXT, detector=TEXT, backend=SOME_TEXT, threads=COUNT,
             people=COUNT, picture=SIZE, seed=COUNT),
        dict(seconds=SPREAD, rounds=COUNT, warm_up=COUNT, load=NUMBER, provider=SOME_TEXT, note=TEXT),
        {}),
}


@cache
def _validator(kind: str, measured: bool):
    from jsonschema import Draft202012Validator
    settings, figures, maybe = ROWS[kind]
    own = dict(**figures, maybe=maybe) if measured else dict(reason=SOME_TEXT)
    return Draft202012Validator(fields(**COMMON, **settings, **own))


def check(row: dict, kind: str, where: str) -> None:
    """Raise AMFACError, which names the field, unless ``row`` is a row of this kind."""
    from jsonschema.exceptions import best_match
    error = best_match(_validator(kind, 'reason' not in row).iter_errors(row))
    if error is not None:
        field = '.'.join(map(str, error.absolute_path))
        raise AMFACError(f'{where}{"." * bool(field)}{field}: {error.message}'[:300])
