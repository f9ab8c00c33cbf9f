"""The one exception class that a user is meant to read."""


class AMFACError(ValueError):
    """A mistake that the caller can mend: one line that names the field or file and what is allowed."""


class MissingPackageError(AMFACError, ImportError):
    """A feature needs a package that is not installed; the message holds the exact command."""


def one_of(field: str, value, allowed) -> None:
    """Raise :class:`AMFACError` unless ``value`` is among ``allowed``."""
    if value not in allowed:
        raise AMFACError(f'{field}={value!r} is not known; allowed: {", ".join(map(repr, allowed))}')
