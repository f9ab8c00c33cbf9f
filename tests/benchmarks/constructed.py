"""Result files with figures that were thought out, to test what reads them."""

from benchmarks import zoo
from benchmarks.results import Results

ENVIRONMENT = dict(device='CPU (constructed)', commit=None, versions=dict(python='3.11'))
DIGEST = 'a' * 64
# name -> milliseconds on one thread of ONNX Runtime
MS = {'rtmpose-m_8xb256-420e_coco-256x192': 20.0, 'rtmpose-s_8xb256-420e_coco-256x192': 9.0,
      'td-hm_hrnet-w32_8xb64-210e_coco-256x192': 110.0, 'amfacpose_r18_1xb32-140e_coco-256x256': 30.0,
      'rtmo-s_8xb32-600e_coco-640x640': 100.0}
# name -> seconds for a picture, seconds for each person
SCALING = {'rtmpose-m_8xb256-420e_coco-256x192': (0.03, 0.01), 'rtmo-s_8xb32-600e_coco-640x640': (0.075, 0.0)}
PROTOCOL = dict(
    annotations='person_keypoints_val.json', annotations_sha256=DIGEST, pictures='all', images=54, persons=120,
    boxes=dict(source='ground truth'), poses=120, flip_test=False, iou_type='keypoints', use_area=True,
    score_mode='keypoint', keypoint_score_thr=0.2, nms_mode='oks', backend='onnxruntime', precision='fp32')


def _spread(value):
    return [value, value * 0.9, value * 1.1]


def _common(name):
    s = zoo.find(name)
    return dict(name=name, system=s.system, paradigm=s.paradigm, environment=ENVIRONMENT)


def complexity(folder, name, params, macs, **change):
    """One counted system."""
    row = dict(_common(name), id=name, input=list(zoo.find(name).input_size), config_sha256=DIGEST, params=params,
               macs=macs, activations=1,
               published_params_m=None, published_gmacs=None, params_off=None, macs_off=None, note='')
    Results(folder / 'complexity.json', 'complexity').add({**row, **change})


def speed(folder, of, backend, ms, threads=1, **change):
    """One timed system; a text in place of ``ms`` is the reason why there is no time."""
    row = dict(_common(of), id=f'{of} {backend} {threads}', input=list(zoo.find(of).input_size), backend=backend,
               form='as published', precision='fp32', threads=threads, batch=1, seed=0)
    figures = dict(reason=ms) if isinstance(ms, str) else dict(
        ms=_spread(ms), ratio=_spread(ms / 20), route='torch.onnx', rounds=9, warm_up=2, load=0.1, provider='CPU',
        arithmetic='float32', peak_memory_mb=None, scope='network')
    Results(folder / 'speed.json', 'speed').add({**row, **figures, **change})


def scaling(folder, name, people, seconds, **change):
    """One picture."""
    s = zoo.find(name)
    row = dict(_common(name), id=f'{name} {people}', backend='onnxruntime', threads=1, people=people,
               detector='rtmdet_nano_320-8xb32_coco-person' if s.paradigm.startswith('td-') else '',
               picture=[1280, 720], photograph='astronaut', seed=0)
    figures = dict(seconds=_spread(seconds), rounds=9, run='one', found=people, warm_up=2, load=0.1, provider='CPU',
                   note='')
    Results(folder / 'scaling.json', 'scaling').add({**row, **figures, **change})


def interval(value, metric='AP'):
    return dict(metric=metric, level=0.95, bounds=[value - 0.05, value + 0.05], resamples=1000, seed=0,
                over='pictures')


def _metrics(ap):
    return dict(AP=ap, AP50=0.9, AP75=0.8, APM=None, APL=0.7, AR=0.75)


def accuracy(folder, model, ap):
    """One measured AP, with every other figure that is made of poses."""
    run = dict(model=model, file=f'{model}.onnx', sha256=DIGEST, protocol=PROTOCOL)
    joints = dict(joints=10, oks=0.5, found=0.25)
    Results(folder / 'accuracy.json', 'accuracy').add(dict(
        run, id=model, metrics=_metrics(ap), interval=interval(ap), environment=ENVIRONMENT))
    Results(folder / 'compare.json', 'compare').add(dict(
        id=model, a=dict(run, AP=ap), b=dict(run, AP=ap - 0.02), difference=0.02, interval=interval(0.02), share=0.9,
        p=0.2, environment=ENVIRONMENT))
    for way, level in (('none', 0.0), ('texture', 0.25), ('texture', 0.5), ('crowd index', 'hard')):
        hidden = ap * (1 - level) if way != 'crowd index' else ap
        Results(folder / 'occlusion.json', 'occlusion').add(dict(
            run, id=f'{model} {way} {level}', way=way, level=level, seed=0, metrics=_metrics(hidden),
            interval=interval(hidden), share=0.1 if way == 'crowd index' else level, hidden=joints, free=joints,
            environment=ENVIRONMENT))
    Results(folder / 'calibration.json', 'calibration').add(dict(
        run, id=model, joint='all', bins_asked=2, seed=0, joints=30, confidence=0.6, rate=0.7, ece=0.123, brier=0.2,
        interval=interval(0.123, 'ece'), environment=ENVIRONMENT,
        bins=[dict(confidence=0.25, rate=0.4, joints=10), dict(confidence=0.75, rate=0.85, joints=20)]))


def everything(folder):
    """A file of each kind."""
    folder.mkdir(exist_ok=True)
    for i, (name, ms) in enumerate(MS.items()):
        complexity(folder, name, (i + 1) * 10_000_000, (i + 1) * 1_000_000_000)
        speed(folder, name, 'onnxruntime', ms, speedup_over_eager=_spread(3.0))
        speed(folder, name, 'eager', 3 * ms)
    speed(folder, 'dekr_hrnet-w32_8xb10-140e_coco-512x512', 'onnxruntime', 'no DeformConv2d')
    for name, (start, each) in SCALING.items():
        for people in (1, 2, 4, 8):
            scaling(folder, name, people, start + each * people)
    accuracy(folder, 'rtmpose-m_8xb256-420e_coco-256x192', 0.731)
    return folder
