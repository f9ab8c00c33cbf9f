import cv2
import numpy as np
import pytest

from benchmarks import samples
from mmpose_amfac.errors import AMFACError


def annotations(count):
    return dict(images=[dict(id=i, file_name=f'{i}.png') for i in range(count)],
                annotations=[dict(id=i, image_id=i, num_keypoints=5 if i % 2 else 4, iscrowd=0) for i in range(count)])


def test_choice_is_that_of_the_seed_and_of_well_labelled_persons():
    one = samples.choose(annotations(40), 6, seed=0)
    assert one == samples.choose(annotations(40), 6, seed=0) != samples.choose(annotations(40), 6, seed=1)
    assert all(person['num_keypoints'] == 5 and person['image_id'] == image['id'] for image, person in one)
    with pytest.raises(AMFACError, match='only 2 persons'):
        samples.choose(annotations(4), 6, seed=0)


@pytest.mark.slow
def test_sheet_of_real_persons(real_data, tmp_path, monkeypatch):
    out = tmp_path / 'sheet.png'
    monkeypatch.setattr('sys.argv', ['samples', str(real_data / 'coco_dev.json'), '--images', str(real_data), '--out',
                                     str(out), '--count', '3'])
    samples.main()
    sheet = cv2.imread(str(out))
    assert sheet.shape == (512, 768, 3)
    left, right = sheet[:256, :192], sheet[:256, 192:384]
    assert left.std() > 5 and right.std() > 5 and not np.array_equal(left, right)
