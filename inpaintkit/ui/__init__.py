"""The page: a small server that opens a photo in the browser, paints its mask from strokes and fills it.

Everything is kept exact at full size here; the page sends strokes and shows tiles.
"""
