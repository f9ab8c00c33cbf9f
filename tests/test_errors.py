from pathlib import Path

import pytest

from mmpose_amfac import errors


@pytest.mark.parametrize('check, value, fine', [
    (lambda v: errors.number('f', v, 0), 0, True),
    (lambda v: errors.number('f', v, 0), -1, False),
    (lambda v: errors.number('f', v, 0, low_itself=False), 0, False),
    (lambda v: errors.number('f', v, 0, 1), 1, False),
    (lambda v: errors.number('f', v, 0), float('inf'), False),
    (lambda v: errors.number('f', v, 0), float('nan'), False),
    (lambda v: errors.number('f', v, 0), True, False),
    (lambda v: errors.integer('f', v), 1, True),
    (lambda v: errors.integer('f', v), 1.0, False),
    (lambda v: errors.integers('f', v), (1, 2), True),
    (lambda v: errors.integers('f', v, 2), (1, 2, 3), False),
    (lambda v: errors.integers('f', v), (1, 0), False),
    (lambda v: errors.integers('f', v), 3, False),
    (lambda v: errors.one_of('f', v, (18, 34)), 18, True),
    (lambda v: errors.one_of('f', v, (18, 34)), '18', False),
])
def test_checks(check, value, fine):
    if fine:
        check(value)
        return
    with pytest.raises(errors.AMFACError, match='^f') as error:
        check(value)
    assert '\n' not in str(error.value)


def test_scripts_end_with_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as end, errors.one_line_errors('tool.py'):
        raise errors.AMFACError('field=3 is wrong')
    assert end.value.code == 2
    assert capsys.readouterr().err == 'tool.py: error: field=3 is wrong\n'
    with pytest.raises(SystemExit) as end, errors.one_line_errors('tool.py'):
        Path('/nowhere/file.json').read_text()
    assert end.value.code == 2
    assert capsys.readouterr().err == 'tool.py: error: /nowhere/file.json does not exist\n'
