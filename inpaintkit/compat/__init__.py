"""Calls that people already have in their code, under the same names and with the same arguments.

``compat.cv2`` stands for OpenCV, ``compat.skimage`` for scikit-image. docs/coming_from.md has the calls of other
programs beside ours.
"""
