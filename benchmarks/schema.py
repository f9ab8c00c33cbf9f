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
# null where no person has that area or level: AP never is
METRICS = dict(AP=SHARE, **{name: optional(SHARE) for name in ('AP50', 'AP75', 'APM', 'APL', 'AR')})
LEVELS = {name: optional(SHARE) for name in ('AP_easy', 'AP_medium', 'AP_hard')}
BOXES = fields(source={'enum': ['ground truth', 'detector', 'file', 'none', 'unknown']},
               maybe=dict(file=SOME_TEXT, sha256=DIGEST, score_thr=NUMBER, most=COUNT))
# an AP without all of this is no result; null is what a results file of others does not tell
PROTOCOL = fields(
    annotations=SOME_TEXT, annotations_sha256=DIGEST, pictures=SOME_TEXT, images=COUNT, persons=COUNT, boxes=BOXES,
    poses=COUNT, flip_test=optional({'type': 'boolean'}), iou_type={'enum': ['keypoints', 'keypoints_crowd']},
    use_area={'type': 'boolean'}, score_mode=optional(SOME_TEXT), keypoint_score_thr=optional(NUMBER),
    nms_mode=optional(SOME_TEXT), backend=optional(SOME_TEXT), precision=optional(SOME_TEXT))
# how a model was run
RUN = dict(provider=SOME_TEXT, threads=COUNT, batch=COUNT, input=SIZE, padding=NUMBER, decode={'type': 'object'},
           channel_order=SOME_TEXT)
# what was run
SIDE = fields(model=SOME_TEXT, file=SOME_TEXT, sha256=DIGEST, AP=SHARE, protocol=PROTOCOL)
INTERVAL = fields(metric=SOME_TEXT, level=NUMBER, bounds={**SPREAD, 'minItems': 2, 'maxItems': 2}, resamples=COUNT,
                  seed=COUNT, over=SOME_TEXT)
# number of labelled joints, their mean share in OKS and the share of them with 0.5 of it or more
JOINTS = fields(joints=COUNT, oks=optional(SHARE), found=optional(SHARE))
# kind -> (settings, which every row has; figures, which a row has unless it has a reason; figures that it may have)
ROWS = {
    'complexity': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=TEXT, input=optional(SIZE)),
        dict(params=COUNT, macs=COUNT, activations=COUNT, config_sha256=DIGEST, published_params_m=optional(NUMBER),
             published_gmacs=optional(NUMBER), params_off=optional(NUMBER), macs_off=optional(NUMBER), note=TEXT),
        {}),
    # AP of a model; `model` is the name of a system of the zoo where it is one, else that of the file
    'accuracy': (
        dict(model=SOME_TEXT),
        dict(file=SOME_TEXT, sha256=DIGEST, protocol=PROTOCOL, metrics=fields(**METRICS, maybe=LEVELS),
             interval=INTERVAL),
        RUN),
    # AP of A minus AP of B on the same pictures; share: of the resamples in which A is the better one
    'compare': (
        dict(a=SIDE, b=SIDE), dict(difference=NUMBER, interval=INTERVAL, share=SHARE, p=SHARE), {}),
    # AP of persons of whom `way` hides the share `level` of the box; `share` is the mean of what it hid, whole pixels
    'occlusion': (
        dict(model=SOME_TEXT, way={'enum': ['none', 'texture', 'grey', 'cut', 'crowd index']},
             level={'anyOf': [SHARE, {'enum': ['easy', 'medium', 'hard']}]}, seed=COUNT),
        dict(file=SOME_TEXT, sha256=DIGEST, protocol=PROTOCOL, metrics=fields(**METRICS, maybe=LEVELS),
             interval=INTERVAL, share=SHARE, hidden=JOINTS, free=JOINTS),
        dict(RUN, labelled_hidden=JOINTS, labelled_visible=JOINTS)),
    # how often a joint is right (0.5 of OKS or more) where the model is so sure; `joint` is a name or 'all'
    'calibration': (
        dict(model=SOME_TEXT, joint=SOME_TEXT, bins_asked={'type': 'integer', 'minimum': 1}, seed=COUNT),
        dict(file=SOME_TEXT, sha256=DIGEST, protocol=PROTOCOL, joints=COUNT, confidence=SHARE, rate=SHARE, ece=SHARE,
             brier=SHARE, interval=INTERVAL,
             bins={'type': 'array', 'items': fields(confidence=SHARE, rate=SHARE, joints=COUNT)}),
        RUN),
    # what the context blocks of a network do in one picture; `figure_sha256`: of the file that shows it
    'attention': (
        dict(picture=fields(name=SOME_TEXT, box={**SPREAD, 'minItems': 4, 'maxItems': 4}, pixels_sha256=DIGEST),
             occluder=optional(fields(share=SHARE, seed=COUNT, rectangle={**SPREAD, 'minItems': 4, 'maxItems': 4})),
             config=SOME_TEXT, weights=fields(file=SOME_TEXT, sha256=DIGEST), modulation=SOME_TEXT),
        dict(levels={'type': 'array', 'items': {'type': 'object'}}, joints={'type': 'array', 'items': {
            'type': 'object'}}, moved={'type': 'object'}, figure_sha256=DIGEST),
        {}),
    # milliseconds of one call of the network alone (`scope`: with decoding and NMS where it finds people itself);
    # ratio: to RTMPose-m 256x192 of the same back end, threads, batch and rounds; `note`: why MMDeploy did not write
    # the file, what it was not compared with, or that its times spread; `rounding_of_torch`: of float32 from float64,
    # where the file differs more than it usually may; `speedup_over_eager`: of the same precision; `measured_as`: a
    # system with the same network, whose figures these are; memory is null where the system does not tell it
    'speed': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=TEXT, input=SIZE, backend=SOME_TEXT, form=SOME_TEXT,
             precision=SOME_TEXT, threads=COUNT, batch=COUNT, seed=COUNT),
        dict(ms=SPREAD, ratio=SPREAD, route={'enum': ['torch', 'mmdeploy', 'torch.onnx']}, rounds=COUNT, warm_up=COUNT,
             load=NUMBER, provider=SOME_TEXT, arithmetic=SOME_TEXT, peak_memory_mb=optional(NUMBER),
             scope={'enum': ['network', 'network and NMS']}),
        dict(sha256=DIGEST, difference_from_torch=NUMBER, correlation_with_torch=NUMBER, roofline_ms=NUMBER,
             difference_between_routes=NUMBER, rounding_of_torch=NUMBER, speedup_over_eager=SPREAD, note=SOME_TEXT,
             measured_as=SOME_TEXT)),
    # seconds from a picture to the poses of all people in it; rows with the same `run` are of the same rounds; `found`:
    # of the people
    'scaling': (
        dict(name=SOME_TEXT, system=SOME_TEXT, paradigm=SOME_TEXT, detector=TEXT, backend=SOME_TEXT, threads=COUNT,
             people=COUNT, picture=SIZE, photograph=SOME_TEXT, seed=COUNT),
        dict(seconds=SPREAD, rounds=COUNT, run=SOME_TEXT, found=COUNT, warm_up=COUNT, load=NUMBER, provider=SOME_TEXT,
             note=TEXT),
        {}),
    # seconds from a mosaic to the poses in it; `times_as_fast_as`: other systems, by the ratios within the rounds;
    # 'all but the network' is a call without its network: `network_seconds` is that one alone, `share` of it
    'people': (
        dict(system=SOME_TEXT, people=COUNT, detector={'type': 'boolean'}, backend=SOME_TEXT, threads=COUNT,
             precision=SOME_TEXT, pose_sha256=DIGEST, det_sha256=DIGEST, photograph=SOME_TEXT),
        dict(seconds=SPREAD, rounds=COUNT, load=NUMBER, times_as_fast_as={
            'type': 'object', 'additionalProperties': SPREAD}),
        dict(plan={'type': 'array', 'items': COUNT, 'minItems': 2, 'maxItems': 2}, provider=SOME_TEXT,
             terms=SOME_TEXT, network_seconds=SPREAD, share=SPREAD)),
    # an exported file against torch: pixels that joints move, on persons of the annotations; AP of both
    'parity': (
        dict(model=SOME_TEXT, backend=SOME_TEXT, precision=SOME_TEXT, annotations=SOME_TEXT,
             annotations_sha256=DIGEST, boxes=SOME_TEXT, flip_test={'type': 'boolean'}, threads=COUNT),
        dict(status=SOME_TEXT, reasons={'type': 'array', 'items': TEXT}, megabytes=NUMBER,
             sha256={'type': 'object', 'additionalProperties': DIGEST}, joints=optional(COUNT),
             compared=optional(COUNT), ap_persons=optional(COUNT), engine=optional(TEXT), arithmetic=optional(TEXT),
             **{name: optional(NUMBER) for name in (
                 'max_px', 'mean_px', 'limit_px', 'batch_px', 'left_out', 'ap', 'ap_torch')}),
        {}),
    # milliseconds of each operator, means of the runs; `total_ms` is their sum, `spread_ms` that of single runs
    'profile': (
        dict(file=SOME_TEXT, sha256=DIGEST, backend=SOME_TEXT, precision=SOME_TEXT, threads=COUNT,
             input={**SIZE, 'minItems': 4, 'maxItems': 4}),
        dict(runs=COUNT, total_ms=NUMBER, roofline_ms=NUMBER, load=NUMBER,
             operators_ms={'type': 'object', 'additionalProperties': NUMBER}),
        dict(spread_ms=SPREAD)),
    # milliseconds of one activation on maps of (channels, height, width)
    'mish': (
        dict(backend=SOME_TEXT, form=SOME_TEXT, size={**SIZE, 'minItems': 3, 'maxItems': 3}, batch=COUNT,
             threads=COUNT),
        dict(precision=SOME_TEXT, sha256=DIGEST, ms=SPREAD, rounds=COUNT, load=NUMBER),
        {}),
    # an experiment: a training with some entries of a config changed, scored; `difference`: to its reference, paired,
    # with the digest of that one's config; `seconds` of training with start, packing and saving, without scoring
    'training': (
        dict(name=SOME_TEXT, group=SOME_TEXT, config=SOME_TEXT, options={'type': 'object'}, seed=COUNT,
             config_sha256=DIGEST),
        dict(steps=COUNT, samples=COUNT, seconds=NUMBER, params=COUNT, macs=COUNT, sha256=DIGEST, protocol=PROTOCOL,
             metrics=fields(**METRICS, maybe=LEVELS), interval=INTERVAL),
        dict(difference=fields(to=SOME_TEXT, config_sha256=DIGEST, AP=NUMBER, p=SHARE,
                               bounds={**SPREAD, 'minItems': 2, 'maxItems': 2}))),
    # one part of benchmarks.run: the command after `python -m benchmarks.`, how it ended, the seconds of all its runs
    'run': (
        dict(part=SOME_TEXT, command={'type': 'array', 'items': TEXT}),
        dict(seconds=NUMBER, runs=COUNT, exit_code={'type': 'integer'}, load=NUMBER),
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
