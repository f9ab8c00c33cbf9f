"""``external_files``: which other files an ONNX file reads, found without the ``onnx`` package.

Only the nesting of the messages in ``onnx.proto`` matters here, so the file is walked by its field numbers.
"""

from pathlib import Path

# message -> field number -> message, on every way that leads to a tensor
_NESTED = {
    'model': {7: 'graph', 20: 'training', 25: 'function'},
    'training': {1: 'graph', 2: 'graph'},
    'graph': {1: 'node', 5: 'tensor', 15: 'sparse'},
    'function': {7: 'node', 11: 'attribute'},
    'node': {5: 'attribute'},
    'attribute': {5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse'},
    'sparse': {1: 'tensor', 2: 'tensor'},
    'tensor': {13: 'entry'},
}
_KEY, _VALUE = 1, 2


def external_files(path) -> set[str]:
    """Locations, as the file spells them, of the tensors that lie in other files.

    A message that is cut off is passed over: no engine opens such a file, and the engine says so.
    """
    found, waiting = set(), [('model', memoryview(Path(path).read_bytes()))]
    while waiting:
        kind, message = waiting.pop()
        try:
            fields = list(_fields(message))
        except (IndexError, ValueError):
            continue
        if kind == 'entry':
            pair = dict(fields)
            if bytes(pair.get(_KEY, b'')) == b'location':
                found.add(bytes(pair.get(_VALUE, b'')).decode('utf-8', 'replace'))
            continue
        inner = _NESTED[kind]
        waiting += [(inner[number], value) for number, value in fields if number in inner]
    return found


def _fields(message: memoryview):
    """(number, bytes) of the fields that have a length: texts, messages and packed numbers."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire = key & 7
        if wire == 0:
            _, position = _varint(message, position)
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        elif wire == 2:
            length, position = _varint(message, position)
            # a key has 32 bits; what is above them is dropped by every reader
            yield (key & 0xffffffff) >> 3, message[position:position + length]
            position += length
        elif wire in (6, 7):
            raise ValueError('wire type')
        # 3 and 4 open and close a group, whose fields are taken for those of the message
    if position > len(message):
        raise ValueError('cut off')


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError('varint')
