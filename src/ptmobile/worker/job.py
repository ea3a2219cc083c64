"""One model from start to finish: :func:`run_job` reads like the run.

The supervisor forks the process that holds the model, which forks a road per method; it then picks the road to ship,
has its file run by a process that has never seen the model, and compares everything with everything that matters.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ptmobile.device.target import DeviceTarget
from ptmobile.protocol import Job
from ptmobile.result import METHODS, Method, ModelResult, variant_key
from ptmobile.worker.channel import Writer, pipe
from ptmobile.worker.comparing import Policy
from ptmobile.worker.crew import Crew, Member
from ptmobile.worker.device_process import run_device
from ptmobile.worker.findings import Findings
from ptmobile.worker.lite_process import run_lite
from ptmobile.worker.model_process import ModelEnds, run_model
from ptmobile.worker.processes import adopt_orphans, fork
from ptmobile.worker.road import CAPTURED, GO_ON, RoadEnds
from ptmobile.worker.saving import file_of

ORDER: dict[str, tuple[Method, ...]] = {"auto": ("script", "trace"), "script": ("script",), "trace": ("trace",)}


def run_job(job: Job, results: Writer) -> ModelResult:
    """Do one job. Never raises for what the model does; ``results`` hears every stage as it comes and goes."""
    adopt_orphans()
    start = time.monotonic()
    crew = Crew(Path(job.scratch), start + job.spec.timeout_minutes * 60, results.send)
    findings = Findings(Path(job.scratch), Policy.of(job.spec), crew)
    roads = _start_model(job, crew, results)
    crew.wait(lambda: crew.over("model") and all(crew.settled(CAPTURED[m], f"road {m}") for m in METHODS))
    if findings.judge_eager():
        findings.compare_captured()
        for method in ORDER[job.spec.method]:
            if findings.captured_well(method):
                _make_file(job, crew, roads, method, results)
                findings.compare_file(method, optimised=job.spec.optimize)
            if job.devices and findings.file_holds(method, optimised=job.spec.optimize):
                for target in job.devices:
                    _run_on_device(job, crew, method, target, results)
                findings.judge_devices(method, job.devices, required=job.spec.device_check == "required")
            if findings.ship(method, optimised=job.spec.optimize):
                break
    for orders in roads.values():
        os.close(orders)  # a road that hears nothing more ends
    crew.disband()
    return findings.result(job.spec.method, round(time.monotonic() - start, 3))


def _start_model(job: Job, crew: Crew, results: Writer) -> dict[Method, int]:
    """Fork the process of the model; returns the descriptors through which the roads hear whether to go on."""
    model_reader, model_writer = pipe()
    readers, ends, orders = {}, {}, {}
    for method in METHODS:
        readers[method], writer = pipe()
        listening, orders[method] = os.pipe()
        ends[method] = RoadEnds(writer, listening)

    def main() -> None:
        results.close()
        for descriptor in orders.values():
            os.close(descriptor)
        run_model(job, ModelEnds(model_writer, ends))

    process = fork(main)
    model_writer.close()
    crew.add(Member("model", model_reader, process))
    for method in METHODS:
        ends[method].close()
        crew.add(Member(f"road {method}", readers[method], method=method))
    return orders


def _make_file(job: Job, crew: Crew, roads: dict[Method, int], method: Method, results: Writer) -> None:
    """Have a road make its file, and a fresh process run it."""
    road, lite = f"road {method}", f"lite {method}"
    try:
        os.write(roads[method], GO_ON)
    except BrokenPipeError:
        return
    crew.wait(lambda: crew.settled(variant_key("saved", method), road))
    if not crew.record.passed(variant_key("saved", method)):
        return
    file = file_of(Path(job.scratch), method)
    _run_apart(crew, lite, results, lambda writer: run_lite(job, method, file, writer))


def _run_on_device(job: Job, crew: Crew, method: Method, target: DeviceTarget, results: Writer) -> None:
    """Have the file run in the phone's own library."""
    file = file_of(Path(job.scratch), method)
    name = f"device {target.label} {method}"
    _run_apart(crew, name, results, lambda writer: run_device(job, method, file, target, writer))


def _run_apart(crew: Crew, name: str, results: Writer, run: Callable[[Writer], None]) -> None:
    """Run something in a process of its own that has seen nothing yet, and wait for its end."""
    reader, writer = pipe()

    def main() -> None:
        results.close()
        run(writer)

    process = fork(main)
    writer.close()
    crew.add(Member(name, reader, process))
    crew.wait(lambda: crew.over(name))
