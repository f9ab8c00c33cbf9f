"""The log of experiments: question, result, decision."""

from benchmarks import training
from benchmarks.pages.cells import Cell, Table, markdown, number, protocol, spread, text
from benchmarks.results import read

COLUMNS = ('experiment', 'question', 'samples', 'parameters (M)', 'GMACs', 'time', 'AP (95 %)',
           'to its reference (95 %)', 'decision')

# of the group that compares networks: those without changes of recipe, as a reader knows them
RIVALS = {'r18': 'AMFACPose-R18', 'r34': 'AMFACPose-R34', 'rtmpose-t': 'RTMPose-t', 'rtmpose-s': 'RTMPose-s',
          'rtmpose-m': 'RTMPose-m', 'litehrnet-18': 'Lite-HRNet-18', 'simcc-r18': 'SimCC, ResNet-18',
          'simplebaseline-r18': 'SimpleBaseline, ResNet-18'}


def tables(results) -> list[Table]:
    """A table for each group of experiments with a row of today's config.

    Args:
        results: folder of the result files.
    """
    measured = {row['name']: row for row in read(results / 'training.json', 'training')}
    times, groups = _timed(results), {}
    for one in training.experiments().values():
        row = measured.get(one['name'])
        if row is not None and row['config_sha256'] == training.settings(one)['config_sha256']:
            groups.setdefault(one['group'], []).append(_cells(one, row, times.get(one['name'])))
    return [Table(group, group, [(name, '') for name in COLUMNS], rows) for group, rows in groups.items()]


def _cells(one: dict, row: dict, time: dict | None) -> list[Cell]:
    start, end = [text(one['name']), text(one['question'].strip())], text(one['decision'].strip())
    if 'reason' in row:
        return [*start, *[Cell()] * 4, text(row['reason']), Cell(), end]
    low, high = row['interval']['bounds']
    return [*start, Cell(f'{row["samples"]:,}', row['samples']), number(row['params'], 2, scale=1e-6),
            number(row['macs'], 3, scale=1e-9), Cell() if time is None else spread(time['ratio'], 2),
            text(f'{row["metrics"]["AP"]:.4f} ({low:.3f} to {high:.3f})'), text(_difference(row)), end]


def rivals(results) -> str:
    """Markdown of the networks that were trained on the same samples, the best first."""
    measured = {row['name']: row for row in read(results / 'training.json', 'training') if 'reason' not in row}
    times, rows = _timed(results), []
    for name in sorted(RIVALS.keys() & measured.keys(), key=lambda name: -measured[name]['metrics']['AP']):
        row, (low, high) = measured[name], measured[name]['interval']['bounds']
        found, time = row.get('difference'), times.get(name)
        rows.append([RIVALS[name], f'{row["samples"]:,}', f'{row["params"] / 1e6:.2f}', f'{row["macs"] / 1e9:.3f}',
                     '{:.2f} [{:.2f}, {:.2f}]'.format(*time['ratio']) if time else '',
                     f'{row["metrics"]["AP"]:.3f} ({low:.3f} to {high:.3f})',
                     '{:+.3f} ({:+.3f} to {:+.3f})'.format(found['AP'], *found['bounds']) if found else ''])
    header = ['network', 'samples', 'M params', 'G MACs', 'time', 'AP (95 %)', f'to {RIVALS["r18"]} (95 %)']
    return markdown(header, rows) + (f'\n{_clock(results)}\n' if times else '')


def protocols(results) -> list[str]:
    """In words, each once."""
    rows = [row for row in read(results / 'training.json', 'training') if 'reason' not in row]
    return list(dict.fromkeys(
        f'{protocol(row["protocol"])}, trained on {row["environment"]["device"]}' for row in rows))


def page(results) -> str:
    """Markdown of all groups."""
    parts = [f'AP: {"; ".join(protocols(results))}.\n']
    if _timed(results):
        parts.append(f'{_clock(results)}\n')
    parts += [f'**{table.caption}**\n\n{table.markdown()}' for table in tables(results)]
    return '\n'.join(parts)


def _timed(results) -> dict[str, dict]:
    """Name of the experiment -> row of one thread and one crop in ONNX Runtime, of networks that were timed."""
    path = results / 'training_speed.json'
    # a config outside the project has its digest in the name, behind @
    return {row['name'].partition('@')[0]: row for row in (read(path, 'speed') if path.is_file() else ())
            if 'reason' not in row and (row['backend'], row['threads'], row['batch']) == ('onnxruntime', 1, 1)}


def _clock(results) -> str:
    return ('Time: of the network alone in ONNX Runtime, one thread, one crop, as a multiple of RTMPose-m at 256x192 '
            f'(median, 10th to 90th percentile), on {next(iter(_timed(results).values()))["environment"]["device"]}.')


def _difference(row) -> str:
    if 'difference' not in row:
        return ''
    found = row['difference']
    return (f'{found["AP"]:+.4f} ({found["bounds"][0]:+.3f} to {found["bounds"][1]:+.3f}), p = {found["p"]:.3f}, '
            f'to {found["to"]}')
