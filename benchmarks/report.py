"""Write one HTML page of all results: published beside measured figures, tables to sort and filter, and the figures.

    python -m benchmarks.report [--results DIR] [--out report.html] [--device NAME] [--backend B] [--threads N]

The page needs no network and no other file. Where results are missing it says which command writes them. All times
on it are of one device. Exit code 2: a broken result file, or a wrong call.
"""

import argparse
import base64
import sys
from pathlib import Path

from benchmarks import figures
from benchmarks.joined import COMMANDS, choice_of_results, rows_of, table, usual_speed
from benchmarks.pages import plots
from benchmarks.pages import report_measured as measured
from benchmarks.pages import report_tables as tables
from mmpose_amfac.errors import one_line_errors
from mmpose_amfac.files import atomic_path

TEMPLATE = Path(__file__).parent / 'pages/report.html.j2'
OUT = Path('work_dirs/benchmarks/report.html')
CONTRACT = (
    ('Published and measured', 'A published figure is copied from the source that is named with it. A measured or '
     'counted one comes from a command of this package and a result file with device, versions and commit. They never '
     'stand in one column.'),
    ('Parameters and arithmetic', 'All parameters of the network; one multiply-accumulate for each product in '
     'convolutions, linear layers and matrix products, for one person (top-down) or one picture (all others). What '
     'papers call FLOPs is mostly this number.'),
    ('Speed', 'Medians with 10th and 90th percentile. All candidates are timed in turn in each round, in random order '
     'with a seed, after a warm-up; ratios are taken within a round. Random weights: time does not depend on them. '
     'Exported files are compared with torch before their time counts.'),
    ('Time over people', 'From a decoded picture to the poses of all people in it, the detector of a top-down system '
     'included.'),
    ('Accuracy', 'OKS average precision with its whole protocol: annotations by digest, pictures, boxes, flip test, '
     'score and NMS rules, back end, precision; the interval is a bootstrap over pictures. APs of different protocols '
     'do not compare.'),
    ('Missing figures', 'What could not run has a reason in place of figures. Nothing is estimated or filled in.'),
)


def sections(results, args) -> list[dict]:
    """Id, title, tables, figures ``(name, alternative text, address of the picture)`` and hints of each section."""
    lines = table(results, args.device)
    key = usual_speed(lines, args.backend, args.threads)
    drawn, hints = {}, {}
    for name, fig, reason in figures.draw(results, args):
        hints[name] = f'The figure {name} is not drawn: {reason}.' if reason else ''
        if fig is not None:
            drawn[name] = name, figures.FIGURES[name].__doc__.splitlines()[0], _picture(fig)
    missing = [kind for kind in COMMANDS if rows_of(kind, results) is None]

    def section(id, title, found, names=(), kinds=()):
        said = [f'There is no {kind}.json yet; {COMMANDS[kind]} writes it.' for kind in kinds if kind in missing]
        if not said and kinds and not any(t.rows for t in found):
            said = [f'{kind}.json has no row for it; {COMMANDS[kind]} adds rows.' for kind in kinds]
        return dict(id=id, title=title, tables=[t for t in found if t.rows],
                    figures=[drawn[name] for name in names if name in drawn],
                    hints=said or [hints[name] for name in names if hints[name]])

    return [
        section('machine', 'Where the figures were measured', [tables.environments(results)]),
        section('systems', 'Systems', [tables.models(lines, key)], ('ap_params', 'ap_fps', 'pareto')),
        section('size', 'Parameters and arithmetic', [tables.complexity(results)], kinds=('complexity',)),
        section('time', 'Speed', [tables.speed(lines), tables.elsewhere(lines)], kinds=('speed',)),
        section('deployment', 'What a back end gains', [tables.multiplier(lines)], kinds=('speed',)),
        section('precision', 'Accuracy', [measured.accuracy(results, lines)], kinds=('accuracy',)),
        section('comparison', 'Comparison', [measured.compare(results)], kinds=('compare',)),
        section('people', 'Time over people', [measured.scaling(results, args.device),
                                                 measured.crossover(results, args.device)], ('scaling',),
                ('scaling',)),
        section('hidden', 'Hidden persons', [measured.occlusion(results)], ('occlusion',), ('occlusion',)),
        section('confidence', 'Calibration', [measured.calibration(results)], ('calibration',), ('calibration',)),
        section('errors', 'Known errors of the report on the zoo', [tables.corrections()])]


def _picture(fig) -> str:
    # as a picture of its own: the ids of one SVG do not meet those of another, and no script of it would run
    return 'data:image/svg+xml;base64,' + base64.b64encode(plots.as_svg(fig).encode()).decode()


def page(results, args) -> str:
    """The whole page; whatever comes from a file is escaped."""
    from jinja2 import Environment, StrictUndefined
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(TEMPLATE.read_text(encoding='utf-8')).render(
        sections=sections(results, args), contract=CONTRACT)


def main(argv=None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice_of_results(parser)
    parser.add_argument('--out', type=Path, default=OUT, metavar='report.html', help='(default %(default)s)')
    args = parser.parse_args(argv)
    content = page(args.results, args)
    with atomic_path(args.out) as part:
        part.write_text(content, encoding='utf-8')
    print(f'{args.out} ({args.out.stat().st_size / 1e6:.1f} MB)')
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.report'):
        sys.exit(main())
