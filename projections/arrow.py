"""pyarrow's arrays and functions without its stubs, which know neither nested arrays nor scalars as arguments."""

from typing import Any

import pyarrow.compute

Array = Any
"""An Arrow array."""

RecordBatch = Any
"""An Arrow record batch; its columns are of the kind above."""

compute: Any = pyarrow.compute
