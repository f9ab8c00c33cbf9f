"""How the figures look: one style, colours and markers for paradigms, labels that do not overlap, files that repeat.

The colours are those of Okabe and Ito, which colour-blind people tell apart; paradigms differ by marker as well.
"""

import io
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmpose_amfac.files import atomic_path

# paradigm -> name, colour, marker
PARADIGMS = {
    'td-heatmap': ('top-down, heatmap', '#0072B2', 'o'),
    'td-simcc': ('top-down, SimCC', '#D55E00', 's'),
    'td-regression': ('top-down, regression', '#009E73', '^'),
    'bottom-up': ('bottom-up', '#CC79A7', 'D'),
    'one-stage': ('one stage', '#E69F00', 'X'),
}
LINES = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
DASHES = ('-', '--', ':', '-.')
STYLE = {
    'figure.figsize': (8.5, 5.8), 'figure.dpi': 100, 'savefig.dpi': 200, 'figure.constrained_layout.use': True,
    'figure.facecolor': 'white', 'font.size': 10, 'axes.titlesize': 12, 'axes.titleweight': 'bold',
    'axes.titlelocation': 'left', 'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True,
    'axes.axisbelow': True, 'grid.color': '#dddddd', 'grid.linewidth': 0.6, 'legend.frameon': False,
    'legend.fontsize': 9, 'font.family': 'DejaVu Sans', 'svg.hashsalt': 'benchmarks', 'svg.fonttype': 'path'}


@contextmanager
def style():
    """Within it figures are drawn without a screen and look alike."""
    import matplotlib
    matplotlib.use('agg')
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, 'backend': 'agg', **STYLE}):
        yield


def axes(title: str, protocol: str, x: str, y: str, columns: int = 1):
    """A figure and its axes, side by side with a common vertical one; ``protocol`` stands below the title."""
    import matplotlib
    import matplotlib.pyplot as plt
    from matplotlib.transforms import ScaledTranslation
    fig, found = plt.subplots(1, columns, sharey=True, squeeze=False)
    fig.suptitle(title, x=0.01, ha='left', fontsize=12, fontweight='bold')
    # the figure has no place of its own for a subtitle: the title of the first axes is one
    look = dict(fontsize=8.5, fontweight='normal', color='#444444')
    found[0][0].set_title(protocol, **look)
    if columns > 1:
        # it reaches over all axes: a text does not push them apart, an empty title keeps its height
        found[0][0].set_title('\n' * protocol.count('\n') + ' ', **look)
        found[0][0].text(0, 1, protocol, transform=found[0][0].transAxes + ScaledTranslation(
            0, matplotlib.rcParams['axes.titlepad'] / 72, fig.dpi_scale_trans), va='bottom', in_layout=False, **look)
    found[0][0].set_ylabel(y)
    for ax in found[0]:
        ax.set_xlabel(x)
    return fig, list(found[0])


def plain_log(axis, values=None) -> None:
    """A logarithmic axis with numbers as people write them, at ``values`` where given."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
    axis.axes.set(**{f'{axis.axis_name}scale': 'log'})
    axis.set_major_locator(FixedLocator(values) if values else LogLocator(base=10, subs=(1, 2, 5)))
    if values:
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
    axis.set_minor_formatter(NullFormatter())


def points(ax, found, size=None, pale=()) -> None:
    """Systems as marks: colour and shape by paradigm, hollow where the boxes of the AP are not stated.

    Args:
        found: (x, y, line) of each, lines of :func:`benchmarks.joined.table`.
        size: line -> area in square points; equal areas unless given.
        pale: names of the lines to be drawn faintly.
    """
    # the large ones first, so that they hide no small one
    for x, y, line in sorted(found, key=lambda f: -size(f[2]) if size else 0):
        _, colour, marker = PARADIGMS[line.paradigm]
        faint = 0.25 if line.name in pale else 1
        face = 'none' if not line.published['boxes'] else (colour, 0.35 * faint if size else 0.8 * faint)
        ax.scatter(x, y, s=size(line) if size else 42, marker=marker, facecolor=face,
                   edgecolor=(colour, faint), linewidth=1.6 if face == 'none' else 0.9)


def legend(ax, handles, **place) -> None:
    """A legend beside those that are there, legible where lines pass behind it."""
    from matplotlib.legend import Legend
    ax.add_artist(Legend(ax, handles, [handle.get_label() for handle in handles], frameon=True, framealpha=0.85,
                         facecolor='white', edgecolor='none', **place))


def paradigms(found) -> list:
    """Handles of the paradigms that occur, and of what a hollow mark means."""
    from matplotlib.lines import Line2D
    present = {line.paradigm for *_, line in found}
    handles = [Line2D([], [], linestyle='', marker=marker, color=colour, markersize=7, label=name)
               for key, (name, colour, marker) in PARADIGMS.items() if key in present]
    if not all(line.published['boxes'] for *_, line in found):
        handles.append(Line2D([], [], linestyle='', marker='s', markerfacecolor='none', color='#555555', markersize=7,
                              label='hollow: boxes not stated'))
    return handles


def label(ax, named, found) -> None:
    """Titles of systems beside their points, away from all points and from each other, with a line where they stand
    apart. They have the colour of the paradigm, darker, so that they belong to one of several marks that are near.

    Args:
        named: (x, y, line) of those that get one.
        found: (x, y, ...) of all points.
    """
    import textalloc
    from matplotlib.colors import to_hex, to_rgb
    if not named:
        return
    x, y, lines = zip(*named)
    dark = [to_hex([0.6 * part for part in to_rgb(PARADIGMS[line.paradigm][1])]) for line in lines]
    # places are found on the page as it is, so nothing may move afterwards
    ax.figure.canvas.draw()
    ax.figure.set_layout_engine('none')
    textalloc.allocate(
        ax, x, y, [line.title for line in lines], x_scatter=[p[0] for p in found], y_scatter=[p[1] for p in found],
        textsize=7.5, textcolor=dark, linecolor=dark, linewidth=0.6, max_distance=0.06, min_distance=0.012,
        margin=0.004, nbr_candidates=400, avoid_label_lines_overlap=True, zorder=5,
        bbox=dict(facecolor='white', alpha=0.5, edgecolor='none', pad=0.4))


def frontier(found) -> list:
    """Those (x, y, ...) that no other beats: none with at most their x and at least their y. Ordered by x."""
    best, kept = -np.inf, []
    for point in sorted(found, key=lambda p: (p[0], -p[1])):
        if point[1] > best:
            best = point[1]
            kept.append(point)
    return kept


def as_svg(fig) -> str:
    """The same text for the same figure; it names no time and no version."""
    file = io.StringIO()
    fig.savefig(file, format='svg', metadata=dict(Date=None, Creator=None))
    return file.getvalue()


def save(fig, stem: Path) -> None:
    """``STEM.svg`` and ``STEM.png``."""
    for suffix in ('.svg', '.png'):
        with atomic_path(stem.with_suffix(suffix)) as part:
            if suffix == '.svg':
                part.write_text(as_svg(fig), encoding='utf-8')
            else:
                fig.savefig(part, format='png', metadata=dict(Software=None))
