"""Draw the figures from the result files, each as SVG and PNG.

    python -m benchmarks.figures [--results DIR] [--out DIR] [--device NAME] [--backend B] [--threads N]
        [--only NAME ...]

A figure whose results are not there is left out, with a message that says what writes them; exit code 0. A result file
that is broken is an error (2). The same results give the same SVG, byte for byte. Times are those of one device.

Every published AP is that of COCO val2017 after training on COCO alone (RTMPose's backbones were trained for poses on
AIC and COCO before): top-down systems with boxes of a detector and
flip test, bottom-up systems with flip test, one-stage systems without. AMFACPose's is the paper's, which states neither
boxes nor flip test; its marks are hollow. Parameters and multiply-accumulates are those counted here, milliseconds
those measured here.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.joined import COMMANDS, Line, NotMeasured, choice_of_results, table, usual_speed
from benchmarks.pages import curves, plots
from mmpose_amfac.errors import one_line_errors

OUT = Path('work_dirs/benchmarks/figures')
PROTOCOL = ('COCO val2017, AP as published, trained on COCO (RTMPose: backbone pre-trained on AIC+COCO): top-down with '
            'detector\nboxes and flip test, bottom-up with flip test, one stage without')
# whose marks are named
NAMED = {
    'AMFACPose-R34 384x288', 'AMFACPose-R18 384x288', 'AMFACPose-R18 256x256', 'RTMPose-t 256x192',
    'RTMPose-s 256x192', 'RTMPose-m 256x192', 'RTMPose-l 256x192', 'Lite-HRNet-18 256x192', 'Lite-HRNet-30 384x288',
    'ViTPose-S 256x192', 'ViTPose-L 256x192', 'ViTPose-H 256x192', 'HRFormer-S 384x288', 'HRFormer-B 384x288',
    'HRNet-W48+UDP 384x288', 'SimpleBaseline ResNet-50 256x192', 'SimpleBaseline MobileNetV2 256x192',
    'SimCC ViPNAS-MobileNetV3 256x192', 'RTMO-s 640x640', 'RTMO-l 640x640', 'YOLOX-Pose-t 416x416',
    'AE HRNet-W32 512x512', 'DEKR HRNet-W48 640x640', 'DeepPose ResNet-50 256x192'}
FIGURES = {}


def figure(draw):
    """Add a figure: a function of the folder of results and the options, named like its file."""
    FIGURES[draw.__name__] = draw
    return draw


def comparable(results, device=None) -> list[Line]:
    """Systems whose published AP is of the protocol that the module's text states."""
    return [line for line in table(results, device)
            if line.ap is not None and line.dataset == 'COCO val2017' and line.params is not None
            and (line.train_data == 'COCO' or line.train_data.startswith('COCO (backbone'))
            and 'ablation' not in line.system and 'converted' not in line.system]


def _named(found) -> list:
    return [point for point in found if point[2].title in NAMED]


def _counted(results, args) -> list[Line]:
    lines = comparable(results, args.device)
    if not lines:
        raise NotMeasured(f'no counted parameters; {COMMANDS["complexity"]} writes them')
    return lines


@figure
def ap_params(results, args):
    """AP over parameters; the area of a mark is its arithmetic."""
    found = [(line.params, line.ap, line) for line in _counted(results, args)]
    fig, (ax,) = plots.axes('Accuracy over size', PROTOCOL, 'parameters, M (counted)', 'AP, % (published)')
    plots.plain_log(ax.xaxis)
    plots.points(ax, found, size=_area)
    sizes = [ax.scatter([], [], s=_area_of(g), color='#bbbbbb', edgecolor='#666666', label=f'{g} GMACs')
             for g in (1, 10, 100)]
    plots.legend(ax, plots.paradigms(found), loc='lower right')
    plots.legend(ax, sizes, loc='lower left', labelspacing=1.1)
    plots.label(ax, _named(found), found)
    return fig


def _area(line) -> float:
    return _area_of(line.gmacs)


def _area_of(gmacs) -> float:
    return 8 + 5 * gmacs


def _timed(results, args) -> tuple[list, str]:
    """[(ms, line)] of batch 1 in float32 on one back end, and where that was measured."""
    key = usual_speed(table(results, args.device), args.backend, args.threads)
    lines = [line for line in comparable(results, args.device) if key and 'ms' in line.speed.get(key, ())]
    if not lines:
        wanted = ', '.join(str(v) for v in (args.backend, args.threads and f'{args.threads} threads') if v)
        raise NotMeasured(f'no speed of float32 at batch 1{wanted and f" on {wanted}"}; {COMMANDS["speed"]} writes it')
    device = lines[0].speed[key]['environment']['device']
    where = (f'{device}, {key[0]}, {key[1]} thread{"s" * (key[1] != 1)}, float32, batch 1; '
             'one stage and bottom-up with NMS')
    return [(line.speed[key]['ms'], line) for line in lines], where


@figure
def ap_fps(results, args):
    """AP over pictures or persons per second, measured here."""
    timed, where = _timed(results, args)
    found = [(1000 / ms[0], line.ap, line) for ms, line in timed]
    fig, (ax,) = plots.axes('Accuracy over speed', f'{PROTOCOL}\n{where}',
                            'calls per second, 10th to 90th percentile (a person; bottom-up and one stage: a picture)',
                            'AP, % (published)')
    plots.plain_log(ax.xaxis)
    for ms, line in timed:
        ax.hlines(line.ap, 1000 / ms[2], 1000 / ms[1], color=plots.PARADIGMS[line.paradigm][1], linewidth=1, alpha=0.6)
    plots.points(ax, found)
    plots.legend(ax, plots.paradigms(found), loc='lower left')
    plots.label(ax, _named(found), found)
    return fig


@figure
def pareto(results, args):
    """Which systems no other beats in both: over milliseconds, or over arithmetic where no speed was measured."""
    try:
        timed, where = _timed(results, args)
        found, x = [(ms[0], line.ap, line) for ms, line in timed], 'milliseconds of one call (measured)'
    except NotMeasured:
        if args.backend or args.threads:
            raise
        found = [(line.gmacs, line.ap, line) for line in _counted(results, args)]
        where, x = 'arithmetic, not time: no speed was measured', 'GMACs of one call (counted)'
    kinds = ('a person, boxes given', '-', lambda s: s.startswith('td-')), ('a picture', '--',
                                                                           lambda s: not s.startswith('td-'))
    best = {what: plots.frontier([p for p in found if belongs(p[2].paradigm)]) for what, _, belongs in kinds}
    on = {line.name for group in best.values() for *_, line in group}
    fig, (ax,) = plots.axes('What no other system beats', f'{PROTOCOL}\n{where}', x, 'AP, % (published)')
    plots.plain_log(ax.xaxis)
    steps = [ax.step([p[0] for p in group], [p[1] for p in group], where='post', linestyle=dash, color='#555555',
                     linewidth=1.2, label=f'frontier: {what}')[0]
             for (what, dash, _), group in zip(kinds, best.values()) if group]
    plots.points(ax, found, pale={line.name for *_, line in found} - on)
    # the lines leave no corner free
    fig.legend(handles=[*plots.paradigms(found), *steps], loc='outside lower center', ncols=4)
    named = [p for p in found if p[2].name in on or p[2].system.startswith('AMFACPose')]
    plots.label(ax, named, found)
    return fig


for curve in (curves.scaling, curves.occlusion, curves.calibration):
    figure(curve)


def draw(results, args, only=None):
    """Yield (name, figure, reason) of each; the figure is None, and the reason says why, where there are no results."""
    import matplotlib.pyplot as plt
    for name in only or FIGURES:
        with plots.style():
            try:
                fig = FIGURES[name](results, args)
            except NotMeasured as error:
                yield name, None, str(error)
                continue
            yield name, fig, ''
            plt.close(fig)


def main(argv=None) -> int:
    """Draw all that can be drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice_of_results(parser)
    parser.add_argument('--out', type=Path, default=OUT, metavar='DIR', help='(default %(default)s)')
    parser.add_argument('--only', nargs='+', choices=FIGURES, metavar='NAME', help=', '.join(FIGURES))
    args = parser.parse_args(argv)
    for name, fig, reason in draw(args.results, args, args.only):
        if fig is None:
            print(f'{name}: not drawn: {reason}')
            continue
        plots.save(fig, args.out / name)
        print(f'{args.out / name}.svg, .png')
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.figures'):
        sys.exit(main())
