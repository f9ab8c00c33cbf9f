"""Curves of the figures: time over people, AP over occlusion, and how often a joint is right where a model is sure."""

from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.joined import COMMANDS, NotMeasured, rows_of, title_of
from benchmarks.pages import plots
from benchmarks.timing.crossover import crossovers

# side by side there is no place for more
PANELS = 3


def _measured(kind, results, wanted=lambda row: True) -> list[dict]:
    rows = [row for row in rows_of(kind, results) or [] if 'reason' not in row and wanted(row)]
    if not rows:
        raise NotMeasured(f'{kind}.json has no figures for it; {COMMANDS[kind]} writes them')
    return rows


def _lines(ax, groups, spread=True):
    """One line for each (label, style) -> [(x, (middle, low, high))], each with its own marker."""
    for i, (label, found) in enumerate(groups.items()):
        found = sorted(found)
        x, (middle, low, high) = [p[0] for p in found], zip(*(p[1] for p in found))
        colour, dash = plots.LINES[i % len(plots.LINES)], plots.DASHES[i // len(plots.LINES) % len(plots.DASHES)]
        ax.plot(x, middle, linestyle=dash, color=colour, marker='osD^vXP'[i % 7], markersize=4.5, linewidth=1.5,
                label=label)
        if spread:
            ax.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)


def scaling(results, args):
    """Milliseconds from a picture to all poses, over people; rings where one stage becomes the faster one."""
    rows = _measured('scaling', results, lambda row: args.backend in (None, row['backend'])
                     and args.threads in (None, row['threads']))
    device, picture = Counter((r['environment']['device'], tuple(r['picture'])) for r in rows).most_common(1)[0][0]
    rows = [r for r in rows if (r['environment']['device'], tuple(r['picture'])) == (device, picture)]
    panels = [key for key, _ in Counter((r['backend'], r['threads']) for r in rows).most_common(PANELS)]
    fig, found = plots.axes('Time over people',
                            f'{device}, picture of {picture[0]}x{picture[1]}, detector included, 10th to 90th '
                            'percentile; rings: one stage becomes faster', 'people in the picture',
                            'milliseconds for all poses', len(panels))
    for ax, (backend, threads) in zip(found, panels):
        here = [r for r in rows if (r['backend'], r['threads']) == (backend, threads)]
        groups = {}
        for r in here:
            label = ' + '.join(title_of(name) for name in (r['name'], r['detector']) if name)
            groups.setdefault(label, []).append((r['people'], [1000 * s for s in r['seconds']]))
        plots.plain_log(ax.xaxis)
        plots.plain_log(ax.yaxis)
        _lines(ax, groups)
        for pair in crossovers(here):
            if pair.people is not None:
                times = {r['people']: 1000 * r['seconds'][0] for r in here if r['name'] == pair.one_stage}
                at = pair.people, float(np.interp(pair.people, sorted(times), [times[n] for n in sorted(times)]))
                ax.plot(*at, 'o', markersize=11, markerfacecolor='none', markeredgecolor='black')
                ax.annotate(f'{pair.people:.1f}', at, (0, 9), textcoords='offset points', ha='center', fontsize=8)
        ax.text(0.02, 0.98, f'{backend}, {threads} thread{"s" * (threads != 1)}', transform=ax.transAxes, va='top')
    fig.legend(*found[0].get_legend_handles_labels(), loc='outside lower center', ncols=2)
    return fig


def _one_protocol(rows) -> tuple[list[dict], str]:
    """Those rows that share the most frequent protocol, and the protocol in words."""

    def words(row):
        p = row['protocol']
        boxes, flip = p['boxes']['source'], {True: 'flip test', False: 'no flip test', None: 'flip test not stated'}
        return (f'{Path(p["annotations"]).stem}, {"" if p["pictures"] == "all" else p["pictures"] + ", "}'
                f'{p["persons"]} persons, boxes: {boxes}, {flip[p["flip_test"]]}')

    text = Counter(map(words, rows)).most_common(1)[0][0]
    return [row for row in rows if words(row) == text], text


def occlusion(results, args):
    """AP where persons are hidden, with its interval."""
    rows, protocol = _one_protocol(_measured('occlusion', results, lambda row: row['way'] != 'crowd index'))
    ways = list(dict.fromkeys(row['way'] for row in rows if row['way'] != 'none')) or ['none']
    level = Counter(f'{row["interval"]["level"]:.0%}' for row in rows).most_common(1)[0][0]
    fig, found = plots.axes('Accuracy where persons are hidden', f'{protocol}; band: {level} interval',
                            'share of the box that is hidden', 'AP, % (measured)', len(ways[:PANELS]))
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
    rows, protocol = _one_protocol(_measured('calibration', results, lambda row: row['joint'] == 'all'))
    fig, (ax,) = plots.axes('How sure, and how often right', f'{protocol}; right: 0.5 of OKS or more',
                            'confidence', 'share of joints that are right')
    ax.plot([0, 1], [0, 1], color='#888888', linewidth=1, label='as it should be')
    _lines(ax, {f'{title_of(row["model"])} ({Path(row["file"]).name}), error {row["ece"]:.3f}':
                [(b['confidence'], [b['rate']] * 3) for b in row['bins'] if b['joints']] for row in rows}, spread=False)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    fig.legend(*ax.get_legend_handles_labels(), loc='outside lower center', ncols=1)
    return fig
