"""Segment images tile by tile without seams, and see the seams where there are some.

The public names stand in ``__init__.pyi`` and are resolved on first use: importing the
package loads neither torch nor scikit-learn, napari or Qt.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
