"""Data sets inside data sets."""


def every_dataset(dataset):
    """The data set and all that it wraps (Concat, Repeat, ClassBalanced, Combined), outermost first."""
    yield dataset
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for child in inner:
        if child is not None:
            yield from every_dataset(child)
