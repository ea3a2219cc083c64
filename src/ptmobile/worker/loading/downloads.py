"""No model downloads its weights: what is converted is in the workspace, or it is not converted."""

from __future__ import annotations

import sys
from typing import NoReturn

import torch.hub

from ptmobile.errors import LoadError

ADVICE = "Put the checkpoint into the workspace (in an earlier step, if it is large) and name it in `weights`."
# By all of these torch.hub reaches the network; torchvision and many packages have imported the first by its name.
_FUNCTIONS = ("load_state_dict_from_url", "download_url_to_file", "urlopen")


def refuse_downloads() -> None:
    """Make every download through ``torch.hub`` raise a LoadError, in this process and for good.

    A model's code may want to download at any time, also when it runs.
    """
    for name in _FUNCTIONS:
        setattr(torch.hub, name, _refuse)
    for name, module in list(sys.modules.items()):
        if name.startswith("torchvision.") and hasattr(module, _FUNCTIONS[0]):
            setattr(module, _FUNCTIONS[0], _refuse)


def _refuse(source: object = "", *_: object, **keywords: object) -> NoReturn:
    address = keywords.get("url", getattr(source, "full_url", source))
    raise LoadError(f"The model tries to download {address}, and no model is downloaded", advice=ADVICE)
