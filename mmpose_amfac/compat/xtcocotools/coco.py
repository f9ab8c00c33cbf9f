"""Annotations: pycocotools' reader plus what xtcocotools adds to it."""

import json

from pycocotools import coco


class COCO(coco.COCO):
    """Also reads data that are in memory, annotations without ``iscrowd`` and empty results."""

    def __init__(self, annotation_file=None, *, ann_data=None):
        super().__init__(annotation_file if ann_data is None else None)
        self.anno_file = [annotation_file]
        if ann_data is not None:
            self.dataset = ann_data
            self.createIndex()
        for annotation in self.anns.values():
            annotation.setdefault('iscrowd', False)

    def loadRes(self, resFile, resData=None):
        results = resFile if resData is None else resData
        if isinstance(results, str):
            with open(results) as file:
                results = json.load(file)
        if len(results):
            return super().loadRes(results)
        return COCO(ann_data=dict(images=list(self.dataset['images']), annotations=[]))
