import dataclasses

import torch
from attacking import Innocent

import ptmobile.worker.stages.model_process
import ptmobile.worker.stages.road


@dataclasses.dataclass
class Two:
    first: torch.Tensor
    second: torch.Tensor


class Twice(Innocent):
    def forward(self, x):
        y = self.layer(x)
        return Two(y, y + 0)


def golden():
    of = ptmobile.worker.stages.road.expected_records
    ptmobile.worker.stages.road.expected_records = lambda *given: {
        name: text.replace('"high":', '"high":1') for name, text in of(*given).items()
    }


def form():
    save = ptmobile.worker.stages.road.save_adaptation

    def save_other(stored, *rest):
        (one, its), (two, other) = stored.places
        save(type(stored)(**{**_fields(stored), "places": ((one, other), (two, its))}), *rest)

    ptmobile.worker.stages.road.save_adaptation = save_other


def inputs():
    of = ptmobile.worker.stages.model_process.make_trials

    def others(*given):
        return [
            dataclasses.replace(trial, arguments=tuple(torch.zeros_like(a) for a in trial.arguments))
            for trial in of(*given)
        ]

    ptmobile.worker.stages.model_process.make_trials = others


def _fields(stored):
    return {name: getattr(stored, name) for name in stored.__struct_fields__}


def make(what):
    {"golden": golden, "form": form, "inputs": inputs}[what]()
    print("forged:", what)
    return Twice() if what == "form" else Innocent()
