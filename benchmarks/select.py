"""Which model to take: those that no other beats in AP, time and parameters at once, among those within the limits.

    python -m benchmarks.select --device cpu --min-fps 30 --people 6 [--end-to-end] [--max-params M] [--max-gmacs G]
        [--min-ap AP] [--results DIR]
    python -m benchmarks.select --scenario accuracy|real-time|edge|crowd [options that change it]

AP figures of one protocol and times of one kind on one device are compared, never those of several. ``--device cpu``
takes times of the networks alone that ``benchmarks.speed`` measured on this machine's processor, or on the only one in
the results; with ``--end-to-end`` those from picture to poses of ``benchmarks.scaling``. Part of the name of another
measured device takes its times; the names below take published ones, which are of the network alone unless the name
says more. ``arithmetic`` compares the multiply-accumulates of a picture with that many people in place of a time,
``none`` neither. The scenarios are options, no answers.

Exit codes: 0 an answer; 1 no model is within the limits; 2 a wrong call.
"""

import argparse
import json
import sys
from collections import Counter

from benchmarks import zoo
from benchmarks.choosing import candidates
from benchmarks.choosing.candidates import TRAINING, Figure
from benchmarks.choosing.pareto import LIMITS, Candidate, choose, miss, reason, tightest
from benchmarks.choosing.scenarios import DEVICES, SCENARIOS
from benchmarks.joined import Line, device_of, table, timed_rows
from benchmarks.results import RESULTS
from mmpose_amfac.apis.report import cpu_name
from mmpose_amfac.errors import AMFACError, integer, number, one_line_errors

PUBLISHED_AP = ('AP as published (top-down: on detector boxes, with a flip test, whose second pass no time here '
                'includes)')
DETECTOR = 'rtmdet_nano_320-8xb32_coco-person'


def gather(lines: list[Line], args) -> tuple[list[Candidate], dict[str, str], str, str]:
    """Candidates, name -> why others are none, and in words the protocol of AP and the device."""
    by_name = {line.name: line for line in lines}
    aps, protocol, here = _protocol(lines, args.dataset)
    detector = by_name.get(args.detector)
    if detector is None or detector.paradigm != 'detector':
        raise AMFACError(f'--detector {args.detector} is no detector of the zoo (python -m benchmarks.zoo detector)')
    run, device = None, 'no times are compared'
    if args.machine:
        run = candidates.setup(lines, args.machine, args)
        what = 'from picture to poses' if run.end_to_end else 'networks alone'
        there = '' if run.machine == cpu_name() else ', not here'
        device = (f'times measured on {run.machine}{there}: {what}, {run.backend}, {run.threads} thread(s), '
                  f'{args.people} people in a picture, found by {args.detector}')
    elif args.device == 'arithmetic':
        device = (f'GMACs of a picture with {args.people} people, found by {args.detector}; arithmetic is no time: '
                  'measure yours and take --device cpu')
    elif args.device != 'none':
        device = f'times published for {DEVICES[args.device].title}, {args.people} people in a picture'
        if candidates.published_ms(detector, args.device) is None:
            device += f'; none of {args.detector}: top-down times are those of the poses alone'
    found, left_out = [], {}
    for line in here:
        made = _candidate(line, by_name, aps, run, args)
        if isinstance(made, str):
            left_out[line.name] = made
        else:
            found.append(made)
    return found, left_out, protocol, device


def _protocol(lines, asked):
    """Name -> AP, the protocol in words, and the models that it is about."""
    models = [line for line in lines if line.paradigm != 'detector']
    known = sorted({line.dataset for line in models if line.dataset})
    if asked in known:
        here = [line for line in models if line.dataset == asked]
        return {line.name: candidates.published_ap(line) for line in here}, f'{asked}, {PUBLISHED_AP}', here
    measured = candidates.measured_ap(models)
    fitting = [label for label in measured if asked.lower() in label.lower()]
    if len(fitting) != 1:
        choice = '; '.join(map(repr, fitting or [*known, *measured]))
        raise AMFACError(f'--dataset {asked!r} must fit one protocol: {choice}')
    aps = {name: candidates.only(rows, fitting[0]) for name, rows in measured[fitting[0]].items()}
    return aps, f'{fitting[0]}, AP as measured', [line for line in models if line.name in aps]


def _candidate(line, by_name, aps, run, args) -> Candidate | str:
    system = zoo.systems().get(line.name)
    if system is not None and not system.source:
        return 'only figures are known, there is no model'
    if args.paradigm and line.paradigm not in args.paradigm:
        return f'{line.paradigm} was not asked for'
    if TRAINING.index(candidates.training(line)) > TRAINING.index(args.training):
        return f'trained on {line.train_data or "data not stated"} (--training {candidates.training(line)})'
    ap, ms, work = aps[line.name], None, None
    if isinstance(ap, str):
        return ap
    if run is not None:
        ms = candidates.measured_time(line, by_name, run)
    elif args.device == 'arithmetic':
        work = candidates.arithmetic(line, by_name, args.detector, args.people)
    elif args.device != 'none':
        ms = candidates.published_time(line, by_name, args.device, args.detector, args.people)
    for figure in (ms, work):
        if isinstance(figure, str):
            return figure
    params, gmacs = (Figure(ours, 'counted') if ours is not None else known and Figure(known, 'published')
                     for ours, known in ((line.params, line.published_params), (line.gmacs, line.published_gmacs)))
    for option, figure in (('max_params', params), ('max_gmacs', gmacs)):
        if figure is None and getattr(args, option) is not None:
            return f'no {LIMITS[option][2]}: {line.reasons.get("complexity", "not known")}'
    return Candidate(line, ap, ms, params, gmacs, work)


def show(c: Candidate, why: str, rank: str) -> str:
    """Two or three lines on a model."""
    time = f'{c.ms.value:8.2f} ms {1e3 / c.ms.value:6.1f} fps' if c.ms else ''
    time += f'{c.work.value:8.1f} GMACs a picture' if c.work else ''
    size = ''.join(f'{f.value:9.2f} {unit}' for f, unit in ((c.params, 'M'), (c.gmacs, 'GMACs')) if f)
    sources = [f'{name} {f.source}' for name, f in (
        ('AP', c.ap), ('time', c.ms), ('picture', c.work), ('params', c.params), ('GMACs', c.gmacs)) if f]
    return (f'{rank} {c.line.title:34s} AP {c.ap.value:5.1f} {time}{size}  [{c.line.train_data or "not known"}]\n'
            f'    {why}\n    {c.line.name}: {"; ".join(sources)}')


def main(argv=None) -> int:
    """Answer."""
    args = _arguments(argv)
    limits = {option: getattr(args, option) for option in LIMITS if getattr(args, option) is not None}
    if 'min_fps' in limits:
        limits['min_fps'] = 1e3 / limits['min_fps']
    found, left_out, protocol, device = gather(table(args.results, args.machine), args)
    chosen = choose(found, limits)
    tight = tightest(found, limits) if found and not chosen['answer'] else None
    if args.json:
        print(json.dumps(dict(protocol=protocol, device=device, limits=limits, tightest=tight, left_out=left_out,
                              **{name: [c.row() for c in chosen[name]] for name in chosen}), indent=1))
    else:
        _print(args, limits, found, left_out, protocol, device, chosen, tight)
    return 0 if chosen['answer'] else 1


def _print(args, limits, found, left_out, protocol, device, chosen, tight) -> None:
    told = ', '.join(f'{"at most" if LIMITS[o][1] > 0 else "at least"} {v:.4g} {LIMITS[o][2]}'
                     f'{" a picture" * (o == "min_fps")}' for o, v in limits.items())
    if args.scenario:
        print(f'{args.scenario}: {SCENARIOS[args.scenario][0]}')
    print(f'{protocol}\n{device}\nlimits: {told or "none"}; {", ".join(args.paradigm or ["all paradigms"])}; '
          f'training data: {args.training}\n{len(found)} models have all figures, {len(left_out)} are left out')
    for why, count in Counter(left_out.values()).most_common(5):
        print(f'    {count:3d}: {why}')
    print()
    for i, c in enumerate(chosen['answer'], 1):
        print(show(c, reason(c, chosen['answer']), f'{i:2d}.'))
    if chosen['others']:
        print('\nbest of other families, beaten in AP, time and size at once: '
              + ', '.join(f'{c.line.title} ({c.ap.value:.1f})' for c in chosen['others']))
    if not found:
        print('no model has all figures that are asked for')
    if tight:
        print(f'no model is within the limits; --{tight.replace("_", "-")} is the tightest')
    if chosen['misses']:
        print('\nnearest misses: ' + '; '.join(miss(c, limits) for c in chosen['misses'][:3]))


def _arguments(argv):
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument('--scenario', choices=SCENARIOS, help='a use with its limits; other options change them')
    parser = argparse.ArgumentParser(description=__doc__, parents=[first],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', default='cpu', metavar='NAME',
                        help=f'cpu, none, arithmetic, a measured device, or published: {", ".join(DEVICES)}')
    parser.add_argument('--end-to-end', action='store_true', help='measured times from picture to poses')
    parser.add_argument('--min-fps', type=float, help='pictures per second')
    parser.add_argument('--people', type=int, default=1, help='in a picture (default %(default)s)')
    parser.add_argument('--max-params', type=float, metavar='M', help='millions, without the detector')
    parser.add_argument('--max-gmacs', type=float, metavar='G', help='for a person (top-down) or a picture (others)')
    parser.add_argument('--min-ap', type=float, metavar='AP', help='percent')
    parser.add_argument('--paradigm', nargs='+', metavar='P',
                        choices=['td-heatmap', 'td-simcc', 'td-regression', 'bottom-up', 'one-stage'])
    parser.add_argument('--training', choices=TRAINING, default='own',
                        help='own: only the data set of the test; combined: also AIC+COCO and the like; any: also the '
                             'seven sets of body7 and body8, which overlap with others (default %(default)s)')
    parser.add_argument('--dataset', default='COCO val2017', metavar='NAME',
                        help='published AP, or words of a protocol in accuracy.json: its measured AP')
    parser.add_argument('--backend', help='of the measured times; that of most models unless given')
    parser.add_argument('--threads', type=int)
    parser.add_argument('--detector', default=DETECTOR, metavar='NAME', help='for top-down models')
    parser.add_argument('--results', default=RESULTS, metavar='DIR', help='folder of the result files')
    parser.add_argument('--json', action='store_true')
    scenario = first.parse_known_args(argv)[0].scenario
    parser.set_defaults(**SCENARIOS[scenario][1] if scenario else {})
    args = parser.parse_args(argv)
    integer('--people', args.people)
    for option in LIMITS:
        if getattr(args, option) is not None:
            number(f'--{option.replace("_", "-")}', getattr(args, option), 0, low_itself=False)
    args.machine = None if args.device in ('none', 'arithmetic', *DEVICES) else _machine(args)
    if args.machine is None:
        if args.end_to_end:
            raise AMFACError('--end-to-end needs a --device that was measured')
        if args.device not in DEVICES and args.min_fps is not None:
            raise AMFACError('--min-fps needs a --device with times')
    return args


def _machine(args) -> str:
    rows = timed_rows(args.results)
    if args.device == 'cpu':
        rows = [row for row in rows if row['environment']['device'].startswith('CPU')]
    here = args.device == 'cpu' and any(row['environment']['device'] == cpu_name() for row in rows)
    # a choice by the times of another processor names it where there are several
    found = device_of(rows, None if here or not rows else args.device)
    if found is None:
        raise AMFACError(f'--device {args.device}: no time in {args.results} (python -m benchmarks.speed and '
                         'benchmarks.scaling measure them); published ones: --device ' + ', '.join(DEVICES))
    return found


if __name__ == '__main__':
    with one_line_errors('benchmarks.select'):
        sys.exit(main())
