"""The report: read as a file, and used in a browser without a screen."""

import base64
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from constructed import DIGEST, MS, everything, speed

from benchmarks import report, schema
from benchmarks.pages.report_tables import CORRECTIONS
from benchmarks.results import RESULTS, Results, read
from mmpose_amfac.errors import AMFACError

RTMPOSE = 'rtmpose-m_8xb256-420e_coco-256x192'
EVIL = '</td><script>console.error("it ran")</script><img src="https://example.org/x.png" onerror="alert(1)">'


class Reader(HTMLParser):
    """Tables by id, each a list of rows of (text, title); and all tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self._cell = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag == 'table':
            self._rows = self.tables.setdefault(attrs['id'], [])
        elif tag == 'tr':
            self._rows.append([])
        elif tag in ('td', 'th'):
            self._cell = ['', attrs.get('title', '')]

    def handle_data(self, data):
        if self._cell:
            self._cell[0] += data

    def handle_endtag(self, tag):
        if tag in ('td', 'th'):
            self._rows[-1].append(tuple(self._cell))
            self._cell = None


def written(results, out):
    assert report.main(['--results', str(results), '--out', str(out)]) == 0
    return out.read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    """The page of constructed results, one system of which has a name that is HTML."""
    folder = everything(tmp_path_factory.mktemp('report'))
    speed(folder, RTMPOSE, 'onnxruntime', 5.0, id='evil', name=EVIL, system=EVIL)
    speed(folder, RTMPOSE, 'onnxruntime', EVIL, id='evil reason', name='evil reason')
    text = written(folder, folder / 'out/report.html')
    return folder / 'out/report.html', text


def column(table, title):
    at = [text for text, _ in table[0]].index(title)
    return {row[0][0]: row[at] for row in table[1:]}


def test_figures_of_the_files_stand_in_their_columns(page):
    tables = Reader(page[1]).tables
    assert set(tables) == {'environments', 'models', 'complexity', 'speed', 'multiplier', 'elsewhere', 'accuracy',
                           'compare', 'scaling', 'crossover', 'occlusion', 'calibration', 'corrections'}
    models, name = tables['models'], 'RTMPose-m 256x192'
    # of several systems with a title the first: that trained on COCO
    rows = [row for row in models[1:] if row[0] == (name, RTMPOSE)]
    values = dict(zip([text for text, _ in models[0]], rows[0]))
    assert values['AP, %published'][0] == '74.6' and values['tested onpublished'][0] == 'COCO val2017'
    assert values['boxespublished'][0] == 'det' and values['flip testpublished'][0] == 'yes'
    protocol, = [title for title in values if title.startswith('AP, % (person_keypoints_val (aaaaaaaa)')]
    assert values[protocol][0] == '73.1'
    assert 'boxes: ground truth, no flip test, score: keypoint above 0.2, NMS: oks, keypoints' in protocol
    assert values['params, Mpublished'][0] == '13.59' and values['params, Mmeasured'][0] == '10.000'
    assert values['ms (onnxruntime, 1 threads)measured'] == ('20.0', '18.0 to 22.0')
    assert column(tables['multiplier'], 'onnxruntimemeasured')[name][0] == '3.00'
    assert column(tables['speed'], 'onnxruntime, 1 t, msmeasured')['DEKR HRNet-W32 512x512'] == ('', 'no DeformConv2d')
    assert column(tables['crossover'], 'from so many people onmeasured')[name][0] == '4.5'
    assert column(tables['scaling'], '8 people, msmeasured')[name] == ('110.0', '99.0 to 121.0 ms')
    assert column(tables['occlusion'], 'hidden joints found, %measured')[name][0] == '25.0'
    assert column(tables['calibration'], 'calibration errormeasured')[name][0] == '0.123'
    assert column(tables['compare'], 'p' + 'measured')[name][0] == '0.200'
    assert column(tables['accuracy'], 'file')[name] == (f'{RTMPOSE}.onnx', DIGEST)
    assert len(tables['corrections']) == len(CORRECTIONS.read_text().splitlines())


def test_it_is_one_file_that_asks_nothing_of_the_network(page):
    path, text = page
    tags = Reader(text).tags
    assert path.stat().st_size < 2e6
    assert not {'link', 'iframe', 'object', 'embed', 'base'} & {tag for tag, _ in tags}
    sources = [attrs['src'] for _, attrs in tags if 'src' in attrs]
    assert len(sources) == 6 and all(source.startswith('data:image/svg+xml;base64,') for source in sources)
    assert all(b'<svg' in base64.b64decode(source.partition(',')[2])[:600] for source in sources)
    policy, = [attrs['content'] for tag, attrs in tags if tag == 'meta' and 'http-equiv' in attrs]
    assert policy.startswith("default-src 'none'") and 'http' not in policy
    assert all(attrs['href'].startswith('#') for tag, attrs in tags if tag == 'a')
    ids = {attrs['id'] for _, attrs in tags if 'id' in attrs}
    assert {attrs['href'][1:] for tag, attrs in tags if tag == 'a'} <= ids


def test_it_can_be_used_without_sight_or_mouse(page):
    text = page[1]
    tags = Reader(text).tags
    count = len(re.findall('<table ', text))
    assert len(re.findall(r'<caption>[^<]{10,}</caption>', text)) == count
    assert all(attrs.get('alt') for tag, attrs in tags if tag == 'img')
    headers = [attrs for tag, attrs in tags if tag == 'th' and attrs['scope'] == 'col']
    assert all(attrs['aria-sort'] == 'none' for attrs in headers)
    assert len([1 for tag, attrs in tags if tag == 'button' and attrs['type'] == 'button']) == len(headers)
    assert len(re.findall(r'<label>Filter <input', text)) == count
    assert 'prefers-color-scheme: dark' in text and '@media print' in text


def test_what_comes_from_files_is_escaped(page):
    text = page[1]
    tags = Reader(text).tags
    assert [tag for tag, _ in tags].count('script') == 1 and EVIL not in text
    assert not [attrs for _, attrs in tags if 'onerror' in attrs]
    assert '&lt;script&gt;console.error' in text


def test_another_figure_in_the_file_is_another_page(page, tmp_path):
    for path in page[0].parents[1].glob('*.json'):
        shutil.copy(path, tmp_path)
    content = json.loads((tmp_path / 'accuracy.json').read_text())
    content['rows'][0]['metrics']['AP'] = 0.5678
    (tmp_path / 'accuracy.json').write_text(json.dumps(content))
    values = column(Reader(written(tmp_path, tmp_path / 'r.html')).tables['accuracy'], 'AP, %measured')
    assert values['RTMPose-m 256x192'][0] == '56.8'
    content['rows'][0]['metrics']['AP'] = 56.78
    (tmp_path / 'accuracy.json').write_text(json.dumps(content))
    with pytest.raises(AMFACError, match=r'accuracy.json: rows\[0\].metrics.AP'):
        written(tmp_path, tmp_path / 'r.html')


def test_the_results_that_come_with_the_package_make_a_page(tmp_path):
    text = written(RESULTS, tmp_path / 'report.html')
    found = Reader(text).tables
    rows = json.loads((RESULTS / 'complexity.json').read_text())['rows']
    assert len(found['complexity']) == 1 + len(rows) and len(found['models']) > 200


def test_the_back_end_of_the_page_can_be_chosen(page, tmp_path):
    for path in page[0].parents[1].glob('*.json'):
        shutil.copy(path, tmp_path)
    assert report.main(['--results', str(tmp_path), '--out', str(tmp_path / 'r.html'), '--backend', 'eager']) == 0
    models = Reader((tmp_path / 'r.html').read_text(encoding='utf-8')).tables['models']
    at = [text for text, _ in models[0]].index('ms (eager, 1 threads)measured')
    assert [row[at][0] for row in models if row[0] == ('RTMPose-m 256x192', RTMPOSE)] == ['60.0']
    speed(tmp_path, RTMPOSE, 'onnxruntime', 5.0, id='gpu', environment=dict(device='A GPU', commit=None, versions={}))
    # unless asked for, the device with most rows
    written(tmp_path, tmp_path / 'r.html')
    found = Reader((tmp_path / 'r.html').read_text(encoding='utf-8')).tables
    assert [row[-2][0] for row in found['speed'][1:]] != ['5.00'] and 'scaling' in found
    assert report.main(['--results', str(tmp_path), '--out', str(tmp_path / 'r.html'), '--device', 'A GPU']) == 0
    found = Reader((tmp_path / 'r.html').read_text(encoding='utf-8')).tables
    assert [row[-2][0] for row in found['speed'][1:]] == ['5.00'] and 'scaling' not in found


def test_rows_with_reasons_make_a_page(page, tmp_path):
    """Of every kind, and poses of others that do not tell their flip test."""
    for kind in ('complexity', 'speed', 'accuracy', 'compare', 'scaling', 'occlusion', 'calibration'):
        rows = read(page[0].parents[1] / f'{kind}.json', kind)
        settings = schema.ROWS[kind][0]
        Results(tmp_path / f'{kind}.json', kind).add(*(
            {'id': row['id'], 'environment': row['environment'], 'reason': 'it could not',
             **{key: row[key] for key in settings}} for row in rows))
    found = Reader(written(tmp_path, tmp_path / 'r.html')).tables
    for kind in ('complexity', 'accuracy', 'compare', 'occlusion', 'calibration'):
        assert all('it could not' in [text for text, _ in row] for row in found[kind][1:]), kind
    known, = read(page[0].parents[1] / 'accuracy.json', 'accuracy')
    known['protocol'] = dict(known['protocol'], flip_test=None, score_mode=None, keypoint_score_thr=None, nms_mode=None,
                             backend=None, precision=None)
    Results(tmp_path / 'accuracy.json', 'accuracy').add(known)
    assert 'boxes: ground truth, flip test not stated, keypoints' in written(tmp_path, tmp_path / 'r.html')


def test_what_is_missing_is_said_with_its_command(tmp_path):
    text = written(tmp_path, tmp_path / 'report.html')
    for kind in ('complexity', 'speed', 'accuracy', 'compare', 'scaling', 'occlusion', 'calibration'):
        assert f'There is no {kind}.json yet; python -m benchmarks.{kind} writes it.' in text
    assert set(Reader(text).tables) == {'models', 'elsewhere', 'corrections'}


# the browser

@pytest.fixture(scope='session')
def chromium():
    found = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if not found:
        message = 'no Chromium on PATH to open the report with (Debian: apt-get install chromium)'
        (pytest.fail if os.environ.get('AMFAC_REQUIRE_CHROMIUM') else pytest.skip)(message)
    return found


@pytest.fixture
def use(chromium, page, tmp_path):
    """Open the page, run a script in it, and give what the script returns and what the console said."""

    def run(script):
        path = tmp_path / 'page.html'
        whole = ("<pre id=said></pre><script>document.getElementById('said').textContent = 'SAID' + "
                 f'JSON.stringify((() => {{ {script} }})()) + "END";</script></body>')
        path.write_text(page[1].replace('</body>', whole), encoding='utf-8')
        done = subprocess.run(
            [chromium, '--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr',
             '--disable-background-networking', f'--user-data-dir={tmp_path / "profile"}', '--window-size=1280,900',
             '--dump-dom', path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
        console = [line for line in done.stderr.splitlines() if 'CONSOLE' in line]
        said = re.search('SAID(.*?)END</pre>', done.stdout, re.DOTALL)
        assert said, done.stderr
        return json.loads(said[1].replace('&lt;', '<').replace('&gt;', '>').replace('&amp;', '&')), console

    return run


CLICK = '''
const table = document.getElementById('models');
const headers = [...table.tHead.rows[0].cells];
const at = headers.findIndex(h => h.textContent.startsWith('ms ('));
const read = column => [...table.tBodies[0].rows].map(row => row.cells[column].textContent);
const click = column => { headers[column].querySelector('button').click(); return headers.map(h => h.ariaSort); };
'''


@pytest.mark.slow
def test_a_click_on_a_header_sorts_numbers_with_what_is_empty_last(use):
    said, console = use(CLICK + '''
        const before = read(at), up = click(at), rising = read(at), down = click(at), falling = read(at);
        const words = click(0), names = read(0);
        const sorted = [...names].sort((a, b) => a.localeCompare(b, 'en', {numeric: true}));
        return {at, before, rising, falling, up, down, words, names, sorted};''')
    times = sorted([*MS.values(), 5.0])
    empty = len(said['before']) - len(times)
    assert empty > 100
    assert [float(v) for v in said['rising'][:len(times)]] == times and not any(said['rising'][len(times):])
    assert [float(v) for v in said['falling'][:len(times)]] == times[::-1] and not any(said['falling'][len(times):])
    assert said['up'][said['at']] == 'ascending' and said['down'][said['at']] == 'descending'
    assert said['words'][0] == 'ascending' and set(said['words'][1:]) == {'none'}
    assert len(set(said['names'])) > 100
    # the order of the page is that of the browser's own comparison of words
    assert said['names'] == said['sorted']
    assert not console


@pytest.mark.slow
def test_the_filter_keeps_rows_with_all_words(use):
    said, console = use(CLICK + '''
        const input = document.querySelector('input[data-for=models]'), count = document.getElementById('models-count');
        const filter = text => { input.value = text; input.dispatchEvent(new Event('input'));
            return [[...table.tBodies[0].rows].filter(row => row.offsetHeight).map(row => row.cells[0].title),
                    count.textContent]; };
        return [filter('RTMPOSE  body7'), filter('no such system'), filter('')];''')
    (some, counted), (none, nothing), (everything_again, whole) = said
    assert some and all('rtmpose' in name and 'body8' in name or 'rtmpose-x' in name for name in some)
    assert counted == f'{len(some)} of {len(everything_again)} rows'
    assert none == [] and nothing.startswith('0 of') and whole == f'{len(everything_again)} rows'
    assert not console


@pytest.mark.slow
def test_nothing_is_fetched_and_nothing_is_wider_than_the_window(use):
    said, console = use('''
        return {fetched: performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:')),
                broken: [...document.images].filter(i => !i.complete || !i.naturalWidth).length,
                wide: document.documentElement.scrollWidth - document.documentElement.clientWidth};''')
    assert said == dict(fetched=[], broken=0, wide=0)
    assert not console


@pytest.mark.slow
def test_the_browser_would_tell_of_an_error_and_refuses_the_network(use):
    _, console = use("""
        const picture = document.createElement('img'); picture.src = 'http://127.0.0.1:9/x.png';
        document.body.append(picture); setTimeout(() => { throw new Error('on purpose'); }); return 0;""")
    assert any('Content Security Policy' in line for line in console)
    assert any('on purpose' in line for line in console)
