"""Studies: scripts that answer one question each. They are part of a checkout, not of an installed inpaintkit.

``python -m inpaintkit.benchmarks.studies.NAME --help`` says how each is called.

- ``auto``: what does ``auto`` lose to the best single method, and how well does it estimate its own error?
- ``dip_table``: how near does ``dip`` come to its paper, how fast is a step beside the original (``dip_reference``)?
- ``film_damage``: how much of the dust, hairs and scratches of real film is found over photographs?
- ``find``: how much of the damage do the finders find, and what does a repair with the found mask lose?
- ``fingerprints``: does anything still give the same bits?
- ``first_fill``: how long does a person wait for the first fill on a machine, and for later ones?
- ``fit_finders``: which weights do the finders get when they are fitted again?
- ``fog``: did an edit cost a method quality, at full range or in fog?
- ``folder``: how many photographs a second does ``inpaintkit fill`` repair, and does its memory grow?
- ``fuzz``: what does ``inpaint`` do with pictures, masks and options of any kind?
- ``gallery``: what does each method's result look like? (The guide's pictures.)
- ``growth``: by how many pixels must a tight mask grow after which compression?
- ``infrared``: how well is dust found by a film scan's infrared, and without it?
- ``kernels``: how many multiply-adds a second do the kernels of ``ple`` reach, beside a plain loop's?
- ``mnps``: does neural patch synthesis come nearer to the truth and to the surroundings than its first fill?
- ``page_frames``: how long does a frame of the page take while strokes are painted?
- ``page_shots``: what does every state of the page look like?
- ``page_server``: how long after the release of the brush does the page show a fill, beyond the fill itself?
- ``patches``: how fast and how good are the methods that copy patches, and do their textures stand out?
- ``patchmatch_peers``: is ``patchmatch`` ahead of the other PatchMatch packages for Python, in time and quality?
- ``peers``: how do methods compare with OpenCV's, xphoto's and scikit-image's on text, scratches and lost pixels?
- ``real``: how much of the damage of real pictures do the finders find, against what a person traced?
- ``selecting``: how well do one, two and three clicks select objects that were traced?
- ``series``: what does a series say of the mark that lies over it, beside filling each picture by itself?
- ``soft_light``: how much of a photograph does a camera's date leave to be seen, and dirt?
- ``speed``: time and memory of ``telea`` and the plates beside OpenCV's and scikit-image's, ratios from one run.
- ``stamps``: how well are dates in light found, real ones and drawn ones (``film_dates``)?
- ``threads``: what does a second thread gain, for one region, for a large one beside a small one, and on text?
- ``truth``: what is damaged in real pictures, traced by eye; it draws that over them.
- ``units``: is a picture in other units, or of another type, filled the same?

``damage`` makes damaged photographs with their truth, ``_cases`` holds what the studies share, ``_outlines`` traced
objects, ``_browser`` opens the page in a browser, for studies and tests. Comparisons that need no study of their own
are presets of ``inpaintkit bench run`` (``benchmarks/presets.py``).
"""
