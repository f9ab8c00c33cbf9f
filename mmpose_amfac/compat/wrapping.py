"""One way to wrap a function of another package."""

import inspect

import wrapt


def wrap_once(owner, name: str, wrapper) -> None:
    """Make ``owner.name`` call ``wrapper(wrapped, instance, args, kwargs)``; wrapped already, it stays as it is."""
    if not isinstance(inspect.getattr_static(owner, name), wrapt.FunctionWrapper):
        wrapt.wrap_function_wrapper(owner, name, wrapper)
