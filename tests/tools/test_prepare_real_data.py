import gzip
import io
import json
import tarfile

import pytest

from tools.prepare_real_data import unpack


def test_unpacks_what_was_asked_for(tmp_path):
    source, out = tmp_path / 'in', tmp_path / 'out'
    source.mkdir()
    (source / 'a.json.gz').write_bytes(gzip.compress(json.dumps([1]).encode()))
    (source / 'b.json.gz').write_bytes(gzip.compress(b'[2]'))
    with tarfile.open(source / 'a-00.tar', 'w') as archive:
        info = tarfile.TarInfo('a/1.png')
        info.size = 3
        archive.addfile(info, io.BytesIO(b'abc'))
    assert unpack(source, out, ['a']) == ['a-00.tar', 'a.json.gz']
    assert json.loads((out / 'a.json').read_text()) == [1] and (out / 'a/1.png').read_bytes() == b'abc'
    assert not (out / 'b.json').exists()


def test_an_archive_that_reaches_outside_is_refused(tmp_path):
    source = tmp_path / 'in'
    source.mkdir()
    with tarfile.open(source / 'a.tar', 'w') as archive:
        info = tarfile.TarInfo('../evil.txt')
        info.size = 1
        archive.addfile(info, io.BytesIO(b'x'))
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(source, tmp_path / 'out')
    assert not (tmp_path / 'evil.txt').exists()
