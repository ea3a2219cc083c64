"""Which options are about what."""

from __future__ import annotations

from typing import Final

#: These say how a model is converted, and nothing about a file that is there already.
CONVERSION_ONLY: Final = (
    *("model-args", "weights", "weights-key", "allow-pickle", "method", "optimize", "optimize-blocklist"),
    *("preserve-methods", "bundle-inputs", "golden", "output", "backport-to", "repair", "sensitive-weights"),
    *("requirements", "allow-source-builds", "own-error-multiple"),
)
#: These say on which inputs a file is run; where golden outputs are replayed the file has them.
INPUTS_ONLY: Final = ("inputs", "trials", "seed", "distributions")
#: These mean something in one mode only.
MODE_OPTIONS: Final = {"shards": "plan", "reports": "merge", "matrix": "merge"}
#: These say which models there are, and nothing about reports of them.
MODELS_ONLY: Final = ("config", "only", "baseline")
#: These say what one model is; given beside a config file with several models they would hold for all of them.
ONE_MODEL_ONLY: Final = ("name", "weights", "weights-key", "inputs", "model-args", "output")
