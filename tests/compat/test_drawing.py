import warnings

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_circles_are_drawn_without_the_refused_conversion(monkeypatch):
    from mmpose.visualization import opencv_backend_visualizer

    from mmpose_amfac.compat import drawing

    kind = opencv_backend_visualizer.OpencvBackendVisualizer
    visualizer = kind('drawing', backend='opencv')

    def draw():
        visualizer.set_image(np.zeros((20, 20, 3), np.uint8))
        with warnings.catch_warnings():
            # numpy before 2.4 only warns of what it refuses since
            warnings.simplefilter('error', DeprecationWarning)
            visualizer.draw_circles(np.array([10.0, 10.0]), radius=np.array([3]), face_colors=(0, 255, 0))
        return visualizer.get_image()

    assert draw()[10, 13].tolist() == [0, 255, 0]
    if drawing._refused():
        monkeypatch.setattr(kind, 'draw_circles', kind.draw_circles.__wrapped__)
        with pytest.raises((DeprecationWarning, TypeError)):
            draw()
