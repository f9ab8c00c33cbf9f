"""Curves of the figures: time over people, AP over occlusion, and how often a joint is right where a model is sure."""

from collections import Counter
from pathlib import Path
from textwrap import fill

import numpy as np

from benchmarks.joined import COMMANDS, NotMeasured, rows_of, rows_on, title_of
from benchmarks.pages import plots
from benchmarks.pages.cells import protocol
from benchmarks.timing.crossover import crossovers

# side by side there is no place for more
PANELS = 3
# whose lines are drawn: one small and one usual system of each kind; the others stand in the table
NAMED = (
    'rtmpose-s_8xb256-420e_coco-256x192', 'rtmpose-m_8xb256-420e_coco-256x192',
    'amfacpose_r18_1xb32-140e_coco-256x192', 'rtmo-s_8xb32-600e_coco-640x640', 'yoloxpose_tiny_4xb64-300e_coco-416',
    'ae_hrnet-w32_8xb24-300e_coco-512x512')
LINES = len(NAMED)


def _measured(kind, rows, wanted=lambda row: True) -> list[dict]:
    rows = [row for row in rows or [] if 'reason' not in row and wanted(row)]
    if not rows:
        raise NotMeasured(f'{kind}.json has no figures for it; {COMMANDS[kind]} writes them')
    return rows


def _lines(ax, groups, spread=True, styles=None):
    """One line for each label -> [(x, (middle, low, high))], each with its own marker; ``styles``: label -> number."""
    for label, found in groups.items():
        i, found = (styles or dict(zip(groups, range(len(groups)))))[label], sorted(found)
        x, (middle, low, high) = [p[0] for p in found], zip(*(p[1] for p in found))
        colour, dash = plots.LINES[i % len(plots.LINES)], plots.DASHES[i // len(plots.LINES) % len(plots.DASHES)]
        ax.plot(x, middle, linestyle=dash, color=colour, marker='osD^vXP'[i % 7], markersize=4.5, linewidth=1.5,
                label=label)
        if spread:
            ax.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)


def chosen(rows) -> list[dict]:
    """Rows of the systems of ``NAMED``, and up to as many others where these were not measured, after one detector.

    Args:
        rows: of one panel, with figures.
    """
    detectors = Counter(row['detector'] for row in rows if row['detector'])
    # the detector with most rows, of several the first in the file
    detector = max(detectors, key=detectors.get, default='')
    rows = [row for row in rows if row['detector'] in ('', detector)]
    names = list(dict.fromkeys(row['name'] for row in rows))
    names = sorted(names, key=lambda name: NAMED.index(name) if name in NAMED else LINES)[:LINES]
    return [row for name in names for row in rows if row['name'] == name]


def scaling(results, args):
    """Milliseconds from a picture to all poses, over people; rings where another kind becomes the faster one."""
    rows = _measured('scaling', rows_on('scaling', results, args.device), lambda row: args.backend in (
        None, row['backend']) and args.threads in (None, row['threads']) and row['found'] == row['people'])
    device, picture = rows[0]['environment']['device'], Counter(tuple(r['picture']) for r in rows).most_common(1)[0][0]
    rows = [r for r in rows if tuple(r['picture']) == picture]
    panels = [key for key, _ in Counter((r['backend'], r['threads']) for r in rows).most_common(PANELS)]
    fig, found = plots.axes('Time over people',
                            f'{device}, picture of {picture[0]}x{picture[1]}, detector included, band: 10th to 90th '
                            'percentile\nrings: the line that comes from above becomes the faster one',
                            'people in the picture', 'milliseconds for all poses', len(panels))
    # one line for a system in all panels
    styles = {}
    for ax, (backend, threads) in zip(found, panels):
        here = chosen([r for r in rows if (r['backend'], r['threads']) == (backend, threads)])
        groups = {}
        for r in here:
            label = ' + '.join(title_of(name) for name in (r['name'], r['detector']) if name)
            groups.setdefault(label, []).append((r['people'], [1000 * s for s in r['seconds']]))
            styles.setdefault(label, len(styles))
        plots.plain_log(ax.xaxis, sorted({r['people'] for r in here}))
        plots.plain_log(ax.yaxis)
        _lines(ax, groups, styles=styles)
        rings = []
        for pair in crossovers(here):
            times = {r['people']: 1000 * r['seconds'][0] for r in here if r['name'] == pair.one_stage}
            rings += [(change.people, float(np.interp(change.people, sorted(times), [times[n] for n in sorted(times)])))
                      for change in pair.changes]
        # numbers above and below in turn, as rings may be close to each other
        for i, at in enumerate(sorted(rings)):
            ax.plot(*at, 'o', markersize=11, markerfacecolor='none', markeredgecolor='black')
            ax.annotate(f'{at[0]:.1f}', at, (0, -17 if i % 2 else 9), textcoords='offset points', ha='center',
                        fontsize=8)
        ax.text(0.02, 0.98, f'{backend}, {threads} thread{"s" * (threads != 1)}', transform=ax.transAxes, va='top')
    handles = {label: handle for ax in found for handle, label in zip(*ax.get_legend_handles_labels())}
    fig.legend(handles.values(), handles, loc='outside lower center', ncols=2)
    return fig


def _one_protocol(rows) -> tuple[list[dict], str]:
    """Those rows that share the most frequent protocol, and the protocol in words."""
    words = [protocol(row['protocol'], engine=False) for row in rows]
    usual = Counter(words).most_common(1)[0][0]
    drawn = [row for row, its in zip(rows, words) if its == usual]
    others = {row['model'] for row in rows} - {row['model'] for row in drawn}
    return drawn, usual + (f'; not drawn, for another protocol: {", ".join(sorted(others))}' if others else '')


def occlusion(results, args):
    """AP where persons are hidden, with its interval."""
    rows, words = _one_protocol(_measured(
        'occlusion', rows_of('occlusion', results), lambda row: row['way'] != 'crowd index'))
    ways = list(dict.fromkeys(row['way'] for row in rows if row['way'] != 'none')) or ['none']
    level = Counter(f'{row["interval"]["level"]:.0%}' for row in rows).most_common(1)[0][0]
    fig, found = plots.axes('Accuracy where persons are hidden', fill(f'{words}; band: {level} interval', 125),
                            'hidden share of the box', 'AP, % (measured)', len(ways[:PANELS]))
    for ax, way in zip(found, ways):
        groups = {}
        for row in rows:
            if row['way'] in (way, 'none'):
                groups.setdefault(title_of(row['model']), []).append(
                    (row['share'], [100 * v for v in (row['metrics']['AP'], *row['interval']['bounds'])]))
        _lines(ax, groups)
        ax.text(0.98, 0.98, way, transform=ax.transAxes, va='top', ha='right')
        ax.set_ylim(bottom=0)
    fig.legend(*found[0].get_legend_handles_labels(), loc='outside lower center', ncols=2)
    return fig


def calibration(results, args):
    """How often a joint is right over how sure the model is; on the diagonal it is as sure as it should be."""
    rows, words = _one_protocol(_measured(
        'calibration', rows_of('calibration', results), lambda row: row['joint'] == 'all'))
    fig, (ax,) = plots.axes('How sure, and how often right', fill(f'{words}; right: 0.5 of OKS or more', 125),
                            'confidence', 'share of joints that are right')
    ax.plot([0, 1], [0, 1], color='#888888', linewidth=1, label='as it should be')
    _lines(ax, {f'{title_of(row["model"])} ({Path(row["file"]).name}), error {row["ece"]:.3f}':
                [(b['confidence'], [b['rate']] * 3) for b in row['bins'] if b['joints']] for row in rows}, spread=False)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    fig.legend(*ax.get_legend_handles_labels(), loc='outside lower center', ncols=1)
    return fig
