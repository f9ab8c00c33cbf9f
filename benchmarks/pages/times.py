"""Tables of times for Markdown pages; each is made from ``results``, the folder of the result files."""

from pathlib import Path

from benchmarks import joined
from benchmarks.pages import report_measured
from benchmarks.pages.cells import markdown
from benchmarks.pages.devices import by_device, measured_on, on_one_device, reason
from benchmarks.results import read
from benchmarks.timing import rivals

# of the speed table: those that a reader of the deployment page compares
TIMED = (
    *(f'amfacpose_{depth}_1xb32-140e_coco-{size}' for depth in ('r18', 'r34') for size in (
        '256x192', '256x256', '384x288')),
    *(f'rtmpose-{size}_8xb256-420e_coco-256x192' for size in 'tsml'), 'rtmpose-m_8xb256-420e_aic-coco-384x288',
    'td-hm_hrnet-w32_8xb64-210e_coco-256x192', 'td-hm_hrnet-w48_8xb32-210e_coco-256x192',
    'simcc_res50_8xb64-210e_coco-256x192')
BACKENDS = dict(compile='torch.compile', onnxruntime='ONNX Runtime', openvino='OpenVINO', tensorrt='TensorRT')
RUNS = (('onnxruntime', 1), ('onnxruntime', 2), ('openvino', 1), ('openvino', 2))
RUN_NAMES = [f'{BACKENDS[b]}, {t} thread{"s" if t > 1 else ""}' for b, t in RUNS]


def _speed_rows(rows):
    """(name, form, precision) -> {(backend, threads): row}, slowest last."""
    found = {}
    for row in rows:
        if row['name'] in TIMED and row['batch'] == 1 and (row['backend'], row['threads']) in RUNS and 'ms' in row:
            found.setdefault((row['name'], row['form'], row['precision']), {})[row['backend'], row['threads']] = row
    return sorted(found.items(), key=lambda item: min(row['ms'][0] for row in item[1].values()))


def speed(results) -> str:
    """Milliseconds and ratios to RTMPose-m 256x192, with spreads."""
    parts = []
    for device, measured in by_device(results, 'speed'):
        rows = []
        for (name, form, precision), by_run in _speed_rows(measured):
            cells = []
            for run in RUNS:
                row = by_run.get(run)
                if row is None:
                    cells.append('')
                    continue
                ratio = row['ratio']
                least = f', roofline {row["roofline_ms"]:.1f}' if 'roofline_ms' in row else ''
                cells.append(f'{row["ms"][0]:.1f} ms{least}; {ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]')
            rows.append([f'{name} {form} {precision}', *cells])
        if rows:
            parts.append(f'{device}, batch 1; ratio to RTMPose-m 256x192 fp32 of the same rounds, median [p10, p90]:'
                         '\n\n'
                         + markdown(['network', *RUN_NAMES], rows))
    return '\n'.join(parts)


def speed_short(results) -> str:
    """Ratios alone, of the networks that a reader compares."""
    device, measured = by_device(results, 'speed')[0]
    rows = []
    for (name, form, precision), by_run in _speed_rows(measured):
        if precision == 'fp32' and form != 'written':
            rows.append([name, *(f'{by_run[run]["ms"][0]:.1f} ({by_run[run]["ratio"][0]:.2f})' if run in by_run else ''
                                 for run in RUNS)])
    return (f'Milliseconds for one person, network alone, float32, on {device} (in brackets: ratio to RTMPose-m '
            '256x192 in the same rounds):\n\n' + markdown(['network', *RUN_NAMES], rows))


def _of_representatives(results, what: str, cells) -> str:
    """A table for each device: a line for each of the smallest systems of families, number of threads and batch.

    Args:
        results: folder of the result files.
        what: the cells show, before the device.
        cells: gives the cells of a line from {backend: row}, or nothing for no line.
    """
    parts = []
    for device, measured in by_device(results, 'speed'):
        found, rows = {}, []
        for row in measured:
            if row['form'] != 'written' and row['precision'] == 'fp32':
                found.setdefault((row['name'], row['threads'], row['batch']), {})[row['backend']] = row
        for name in (line.name for line in joined.representatives().values()):
            for of, by in sorted((of, by) for of, by in found.items() if of[0] == name):
                line = cells(by)
                rows += [[*of, *line]] if line else []
        if rows:
            parts.append(f'{what} {device}, float32:\n\n' + markdown(
                ['system', 'threads', 'batch', 'eager', *BACKENDS.values()], rows))
    return '\n'.join(parts)


def multiplier(results) -> str:
    """How many times as fast as eager torch the back ends are, for the smallest system of each family and batch."""
    return _of_representatives(results, 'On', lambda by: 'eager' in by and [
        _gain(by[b]) if b in by else 'not measured' for b in ('eager', *BACKENDS)])


def memory(results) -> str:
    """MB by which the process is larger at the peak of its calls, for the smallest system of each family."""
    def cells(by):
        told = [by.get(b, {}).get('peak_memory_mb') for b in ('eager', *BACKENDS)]
        return any(told) and ['' if mb is None else f'{mb:.0f}' for mb in told]
    return _of_representatives(results, 'MB, on', cells)


def _gain(row) -> str:
    if 'reason' in row:
        return f'not available: {reason(row)}'
    ms, gain = f'{row["ms"][0]:.1f} ms', row.get('speedup_over_eager')
    return ms if gain is None else f'{ms}; {gain[0]:.2f} [{gain[1]:.2f}, {gain[2]:.2f}]'


def profiles(results) -> str:
    """Operators that take 2 % of the time or more."""
    parts, rows = [], on_one_device(results, 'profile')
    for row in rows:
        if 'reason' in row:
            continue
        total = row['total_ms']
        shares = [f'{name} {100 * ms / total:.0f} %' for name, ms in row['operators_ms'].items() if ms >= total / 50]
        parts.append([f'{Path(row["file"]).stem.partition("_deploy_")[0]} {row["backend"]}', f'{total:.0f}',
                      f'{row["roofline_ms"]:.0f}', ', '.join(shares)])
    return measured_on(rows) + markdown(['file', 'ms', 'roofline ms', 'operators'], parts)


def mish_forms(results) -> str:
    """One activation in each form, beside ReLU."""
    found, rows = {}, on_one_device(results, 'mish')
    for row in rows:
        if row['threads'] == 1 and 'ms' in row:
            size = 'x'.join(map(str, row['size']))
            found.setdefault(size, {}).setdefault(row['form'], {})[row['backend']] = f'{row["ms"][0]:.2f}'
    return measured_on(rows) + '\n'.join(f'Milliseconds on maps of {size}, one thread:\n\n' + markdown(
        ['form', 'ONNX Runtime', 'OpenVINO'], [[form, by.get('onnxruntime', ''), by.get('openvino', '')]
                                               for form, by in forms.items()]) for size, forms in found.items())


def people(results) -> str:
    """People per second in one picture, and how many times as fast as rtmlib."""
    rows, found, measured = [], {}, on_one_device(results, 'people')
    for row in measured:
        run = (row['backend'], row['threads'], row['pose_sha256'], row['photograph'], row['people'], row['detector'])
        if 'reason' not in row:
            found.setdefault(run, {})[row['system']] = row
    for (backend, threads, _, _, count, detector), by_system in found.items():
        if rivals.OURS in by_system:
            ratio = by_system[rivals.OURS]['times_as_fast_as'].get(rivals.RTMLIB)
            speeds = [f'{count / by_system[name]["seconds"][0]:.0f}' if name in by_system else ''
                      for name in (rivals.OURS, rivals.ONE, rivals.FULL, rivals.RTMLIB, rivals.NETWORK)]
            rows.append([f'{backend}, {threads} threads', count, 'yes' if detector else 'no', *speeds,
                         f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''])
    return measured_on(measured) + markdown(
        ['back end', 'people', 'detector', 'ours', 'one by one', 'full batches', 'rtmlib', 'network alone',
         'ours / rtmlib'], rows)


# of the crossovers: those that the question in the text is about
CROSSED = (*(f'rtmpose-{size}_8xb256-420e_coco-256x192' for size in 'tsm'), 'amfacpose_r18_1xb32-140e_coco-256x192',
           'rtmo-t_8xb32-600e_body7-416x416', 'rtmo-s_8xb32-600e_coco-640x640', 'rtmo-m_16xb16-600e_coco-640x640',
           'rtmdet_nano_320-8xb32_coco-person')


def crossover(results) -> str:
    """Of which of two systems is faster for how many people."""
    found = report_measured.crossover(results, joined.most_measured(results), CROSSED)
    return f'{found.caption}.\n\n{found.markdown()}'


def scaling(results) -> str:
    """Milliseconds from a picture to the poses of all people in it."""
    found = report_measured.scaling(results, joined.most_measured(results))
    return f'{found.caption}.\n\n{found.markdown()}'


def parts(results) -> str:
    """How long each part of the comparison took."""
    rows, found = [], read(results / 'run.json', 'run')
    for row in found:
        if 'reason' not in row:
            rows.append([row['part'], f'{row["seconds"]:.0f}', row['exit_code']])
    total = sum(row['seconds'] for row in found if 'reason' not in row)
    return (measured_on(found) + markdown(['part', 'seconds', 'exit code'], rows)
            + f'\nTogether {total / 60:.1f} minutes.\n')
