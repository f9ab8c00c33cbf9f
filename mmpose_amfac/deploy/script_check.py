"""Is a TorchScript file one of ours? Said before torch opens it: opening alone can run code of the file.

Code that runs at once would be a ``__setstate__`` or the default of an argument, and torch's operators can write files.
So the archive is read as text: what our export writes is one class with one method ``forward``, a list of assignments
that call a few operators.
"""

import ast
import pickletools
import re

import torch

from mmpose_amfac.errors import AMFACError
from mmpose_amfac.runtime.engines import first_line

# all that exports of our networks call; none has an effect besides its result
OPERATORS = frozenset((
    '_convolution', 'adaptive_avg_pool2d', 'add', 'amax', 'cat', 'clamp', 'div', 'linear', 'log', 'matmul',
    'max_pool2d', 'mean', 'mish', 'mul', 'relu', 'reshape', 'sigmoid', 'softmax', 'squeeze', 'sum', 'to', 'transpose',
    'unsqueeze'))
_CLASS = r'__torch__[\w.]* Network'
_PICKLED = re.compile(rf'{_CLASS}|torch \w+Storage|torch\._utils _rebuild_tensor_v2|collections OrderedDict')
_SOURCE = re.compile(r'code/__torch__/[\w/]+\.py')
# dots: what torch notes about the archive
_OTHERS = re.compile(r'(data|constants)(/\d+|\.pkl)|version|byteorder|\.[\w/]+|code/__torch__/[\w/]+\.py\.debug_pkl')
# without quotes, comments and continued lines, torch and Python read a text alike
_TEXT = re.compile(rb'[\w .,:=()\[\]<>\n-]*', re.ASCII)
_NODES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.Return, ast.Call, ast.Name,
          ast.Attribute, ast.Constant, ast.List, ast.Tuple, ast.Subscript, ast.UnaryOp, ast.USub, ast.Load, ast.Store)


def check(path) -> None:
    """Raise :class:`AMFACError` where a file has anything that our export does not write."""
    try:
        reader = torch._C.PyTorchFileReader(str(path))
    except RuntimeError as error:
        raise AMFACError(f'{path} is not a TorchScript file: {first_line(error)}') from None
    for name in reader.get_all_records():
        if _SOURCE.fullmatch(name):
            problem = _in_source(reader.get_record(name))
        elif _OTHERS.fullmatch(name):
            problem = _in_pickle(reader.get_record(name)) if name in ('data.pkl', 'constants.pkl') else None
        else:
            problem = f'the record {name!r}'
        if problem is not None:
            raise AMFACError(f'{path} holds {problem}, which no export of ours has; it was not opened. Export it again '
                             'with amfacpose export')


def _in_source(source: bytes) -> str | None:
    """The first thing in a text of TorchScript that is none of ours."""
    if not _TEXT.fullmatch(source):
        return 'code with other characters'
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return 'code that cannot be read'
    for node in nodes:
        if not isinstance(node, _NODES):
            return f'code with {type(node).__name__}'
        if isinstance(node, ast.FunctionDef) and (node.name != 'forward' or node.args.defaults):
            return f'the method {node.name} with {len(node.args.defaults)} defaults'
        if isinstance(node, ast.Call) and not _known(node.func):
            return f'a call of {ast.unparse(node.func)}'
    return None


def _known(function) -> bool:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) \
        and function.value.id == 'torch' and function.attr in OPERATORS


def _in_pickle(content: bytes) -> str | None:
    """The first class that a pickle names and that is none of ours."""
    try:
        # the instructions that name one
        names = [argument for code, argument, _ in pickletools.genops(content) if code.name in ('GLOBAL', 'INST')]
    except ValueError:
        return 'a pickle that cannot be read'
    return next((f'an object {name!r}' for name in names if not _PICKLED.fullmatch(name)), None)
