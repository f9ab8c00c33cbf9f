"""The picture of :mod:`benchmarks.attention`."""

import numpy as np

from mmpose_amfac import geometry
from mmpose_amfac.draw import draw_poses
from mmpose_amfac.files import atomic_path
from mmpose_amfac.poses import Poses

# pixels of the background for one of the network's crop
ZOOM = 4
# of a colour channel in the file
STEP = 8
# names of matplotlib's maps: even in lightness, and told apart by colour-blind readers
MAGNITUDE, DIFFERENCE = 'viridis', 'PuOr_r'


def draw(path, estimator, picture: np.ndarray, box, found: dict) -> None:
    """Write a PNG: rows with gates on, off and their difference; key points, then the map of each level.

    Args:
        path: of the PNG file.
        estimator: of the model.
        picture: (H, W, 3) uint8 BGR.
        box: (1, 4) ``xyxy``.
        found: of :func:`benchmarks.attention.examine`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from PIL import Image
    size = np.array(estimator.input_size) * ZOOM
    center, scale = geometry.boxes_to_center_scale(box, estimator.input_size, estimator.padding)
    crop = geometry.crop(picture, center, scale, size.tolist())[0]
    # as sharp as the network sees it
    grey = geometry.crop(picture, center, scale, estimator.input_size)[0].mean(axis=2)
    maps = found['maps']
    differences = [m['on'] - m['off'] for m in maps]
    top = np.percentile(np.concatenate([v.ravel() for m in maps for v in m.values()]), 99)
    far = np.percentile(np.abs(np.concatenate([d.ravel() for d in differences])), 98)

    extent = (-0.5, size[0] - 0.5, size[1] - 0.5, -0.5)
    figure = Figure(figsize=(9, 8.7), dpi=100, layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(3, 1 + len(maps), squeeze=False)
    points = {state: _zoomed(poses.keypoints, center, scale, size) for state, poses in found['poses'].items()}
    hidden = found['hidden'] and _zoomed(np.reshape(found['hidden'], (2, 2)), center, scale, size)
    for row, (state, title) in enumerate((('on', 'gates on'), ('off', 'gates off (all 1)'))):
        poses = Poses(points[state], found['sure'][None], [[0, 0, *size]], [1])
        axes[row, 0].imshow(draw_poses(crop, poses, estimator.skeleton, 0.5, boxes=False)[..., ::-1])
        axes[row, 0].set_ylabel(title, fontsize=12)
    axes[2, 0].imshow(grey, 'gray', vmin=0, vmax=255, extent=extent, interpolation='bilinear')
    axes[2, 0].set_ylabel('difference, on minus off', fontsize=12)
    for state, colour in (('off', '#e66101'), ('even', '#5e3c99')):
        start, end = (points[key][0][found['sure']] for key in (state, 'on'))
        axes[2, 0].plot(*np.stack([start, end], axis=1).transpose(2, 1, 0), color=colour, linewidth=2)
        axes[2, 0].plot(*start.T, 'o', color=colour, markersize=4, label=state)
    axes[2, 0].plot(*end.T, 'o', color='white', markeredgecolor='black', markersize=5, label='on')
    axes[0, 0].set_title('key points', fontsize=12)

    for column, (m, difference) in enumerate(zip(maps, differences), 1):
        height, width = difference.shape
        axes[0, column].set_title(f'level {column} ({height}x{width})', fontsize=12)
        for row, (values, colours, low, high) in enumerate((
                (m['on'], MAGNITUDE, 0, top), (m['off'], MAGNITUDE, 0, top), (difference, DIFFERENCE, -far, far))):
            axes[row, column].imshow(grey, 'gray', vmin=0, vmax=255, extent=extent, interpolation='bilinear')
            last = axes[row, column].imshow(values, colours, vmin=low, vmax=high, alpha=0.8, extent=extent,
                                            interpolation='bilinear')
            if column == len(maps) and row:
                bar = figure.colorbar(
                    ScalarMappable(last.norm, last.cmap), fraction=0.05, pad=0.02,
                    ax=axes[:2] if row == 1 else axes[2:], extend='max' if row == 1 else 'both', aspect=40 / row)
                bar.set_label('magnitude, as a multiple of its mean' if row == 1 else 'difference', fontsize=10)
    for one in axes.flat:
        one.set(xticks=[], yticks=[], xlim=extent[:2], ylim=extent[2:])
        if hidden is not None:
            one.add_patch(Rectangle(hidden[0], *(hidden[1] - hidden[0]), fill=False, color='white', linewidth=1.2,
                                    linestyle='--'))
    axes[2, 0].legend(loc='upper center', bbox_to_anchor=(0.5, 0), fontsize=9, ncols=3, frameon=False, handletextpad=0,
                      columnspacing=0.8)
    canvas.draw()
    # the last bits of each channel are noise of the photograph, which takes most of the space
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3] // STEP * STEP + STEP // 2)
    with atomic_path(path) as part:
        image.save(part, format='PNG', optimize=True)


def _zoomed(points, center, scale, size):
    """Pixels of the picture (..., 2) -> pixels of the crop as it is drawn."""
    return (points - center + scale / 2) / scale * size
