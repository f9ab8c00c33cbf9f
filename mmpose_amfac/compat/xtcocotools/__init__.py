"""Stand-in for xtcocotools 1.14 on top of pycocotools: what MMPose uses of it for boxes, masks and one body skeleton.

Served under the name ``xtcocotools`` by ``mmpose_amfac.compat.xtcocotools_finder``; the real one has precedence.
"""
