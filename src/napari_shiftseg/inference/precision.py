"""Numbers a prediction may be computed in."""

from typing import Literal

Precision = Literal["float32", "float64", "float16", "bfloat16"]
