import subprocess
import sys

from benchmarks import tables


def test_markdown_tables_are_those_of_the_result_files(root):
    done = subprocess.run([sys.executable, '-m', 'benchmarks.tables', '--check'], cwd=root, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert '<!-- table: accuracy -->' in (root / 'README.md').read_text()


def test_a_typed_figure_is_found_and_mended(root, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('before\n<!-- table: complexity -->\n| 9.9 |\n<!-- end -->\nafter\n')
    command = [sys.executable, '-m', 'benchmarks.tables', str(page)]
    assert subprocess.run([*command, '--check'], cwd=root, capture_output=True).returncode == 1
    assert '9.9' in page.read_text()
    subprocess.run(command, cwd=root, check=True)
    text = page.read_text()
    assert '9.9' not in text and '3.781' in text and text.startswith('before') and text.endswith('after\n')
    assert tables.fill(text) == text
