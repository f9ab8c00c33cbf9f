import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmpose_amfac import geometry
from mmpose_amfac.errors import AMFACError

number = st.floats(-2000, 2000, width=32)
length = st.floats(2, 2000, width=32)
boxes = st.builds(lambda x, y, w, h: [[x, y, x + w, y + h]], number, number, length, length)
sizes = st.sampled_from([(192, 256), (288, 384), (256, 256), (96, 128), (48, 64)])


@given(boxes, sizes, st.floats(0.5, 2))
def test_to_image_undoes_the_crop_matrix(box, size, padding):
    center, scale = geometry.boxes_to_center_scale(box, size, padding)
    points = np.array([[0, 0], [size[0], 0], [3.25, 7.5], size], np.float32)
    matrix = geometry.crop_matrix(center[0], scale[0], size)
    image_points = geometry.to_image(points[None], center, scale, size)[0]
    back = image_points @ matrix[:, :2].T + matrix[:, 2]
    # float32 pixels of a coordinate up to 4000, times the zoom
    tolerance = 1e-3 + 1e-6 * 8000 * matrix[0, 0]
    assert np.abs(back - points).max() <= tolerance


@given(boxes, sizes)
def test_padded_box_covers_the_input_and_keeps_its_aspect(box, size):
    center, scale = geometry.boxes_to_center_scale(box, size)
    width, height = np.array(box, np.float32)[0, 2:] - np.array(box, np.float32)[0, :2]
    assert scale[0, 0] / scale[0, 1] == pytest.approx(size[0] / size[1], rel=1e-4)
    assert scale[0, 0] >= width * geometry.PADDING * (1 - 1e-4)
    assert scale[0, 1] >= height * geometry.PADDING * (1 - 1e-4)


@given(boxes, sizes, st.floats(0.6, 2))
@settings(deadline=None)
def test_same_numbers_as_mmpose(box, size, padding):
    from mmpose.datasets.transforms import TopdownAffine
    from mmpose.structures.bbox import bbox_xyxy2cs, get_warp_matrix
    center, scale = geometry.boxes_to_center_scale(box, size, padding)
    theirs_center, theirs_scale = bbox_xyxy2cs(np.array(box, np.float32), padding=padding)
    theirs_scale = TopdownAffine._fix_aspect_ratio(theirs_scale, size[0] / size[1])
    np.testing.assert_allclose(center, theirs_center, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(scale, theirs_scale, rtol=1e-5)
    theirs = get_warp_matrix(center[0], scale[0], 0, size)
    corners = np.array([[center[0, 0] + dx * scale[0, 0], center[0, 1] + dy * scale[0, 1]]
                        for dx in (-.5, .5) for dy in (-.5, .5)])
    ours = geometry.crop_matrix(center[0], scale[0], size)
    tolerance = 1e-3 + 2e-6 * 8000 * ours[0, 0]
    assert np.abs((corners @ ours[:, :2].T + ours[:, 2]) - (corners @ theirs[:, :2].T + theirs[:, 2])).max() < tolerance


@given(boxes)
def test_xywh_round_trip(box):
    np.testing.assert_allclose(geometry.xywh_to_xyxy(geometry.xyxy_to_xywh(box)), np.array(box, np.float32),
                               rtol=1e-4, atol=1e-3)


def test_crop_is_the_region_of_the_box(astronaut):
    center, scale = geometry.boxes_to_center_scale([[100, 50, 292, 306]], (192, 256), padding=1.0)
    crop = geometry.crop(astronaut, center, scale, (192, 256))
    np.testing.assert_array_equal(crop[0], astronaut[50:306, 100:292])


def test_crop_is_black_outside_the_picture(astronaut):
    center, scale = geometry.boxes_to_center_scale([[-192, -256, 0, 0]], (192, 256), padding=1.0)
    crop = geometry.crop(astronaut, center, scale, (192, 256))[0]
    assert crop[:-1, :-1].max() == 0


@pytest.mark.parametrize('bad, word', [
    ([[0, 0, 1]], 'shape'),
    ([[0, 0, np.nan, 1]], 'finite'),
    ([[0, 0, 5, 5], [10, 10, 5, 20]], r'bboxes\[1\]'),
    ([[0, 0, 5, 5], [-1e38, 0, 1e38, 3e38]], r'bboxes\[1\].* lies outside any picture: \|number\| < 1,000,000 pixels'),
    ([[0, 0, 1e300, 1]], 'finite'),
    ([[0, 0, 5, 5], [0, 0, 1e-44, 1e-44]], r'bboxes\[1\].* has no area; .* at least 0.001 pixels'),
    ([[0, 0, 5, 9e-4]], 'no area'),
    # vanishes in float32
    ([[1e5, 0, 1e5 + 2e-3, 5]], 'no area'),
])
@pytest.mark.filterwarnings('error')
def test_bad_boxes_are_named(bad, word):
    with pytest.raises(AMFACError, match=word) as error:
        geometry.check_boxes(bad)
    assert '\n' not in str(error.value)


@pytest.mark.filterwarnings('error')
def test_smallest_box(astronaut):
    """It still gives finite numbers, at the smallest padding that a manifest may have."""
    boxes = geometry.check_boxes([[0, 0, geometry.SMALLEST, geometry.SMALLEST]])
    center, scale = geometry.boxes_to_center_scale(boxes, (192, 256), 0.1)
    assert geometry.crop(astronaut, center, scale, (192, 256)).shape == (1, 256, 192, 3)
    assert np.isfinite(geometry.to_image(np.full((1, 1, 2), 100), center, scale, (192, 256))).all()


@pytest.mark.parametrize('image, got', [(None, 'NoneType .cv2.imread'), (np.zeros((4, 4, 3)), 'float64'),
                                        (np.zeros((4, 4), np.uint8), r'uint8 \(4, 4\)')])
def test_check_image(image, got):
    with pytest.raises(AMFACError, match=f'picture must be a .* uint8 BGR array, got {got}'):
        geometry.check_image(image, 'picture')


def test_no_boxes_is_fine():
    assert geometry.check_boxes([]).shape == (0, 4)
    assert geometry.check_boxes([1, 2, 3, 4]).shape == (1, 4)
