"""One real vLLM server for these tests: the recipe of conf/engines, a small model, the CPU."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import ENGINES, make_plan, processes_of
from udfs.engine.processes import end_processes
from udfs.engine.recipes import EnginePlan, load_recipe

CACHE = Path(__file__).parents[2] / ".cache"
PYTHON = CACHE / "vllm" / "bin" / "python"
MODEL = CACHE / "vllm-model"
TOKENIZER = "SmolLM2-135M-Instruct.tokenizer.json"
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}  # GiB for keys and values


@pytest.fixture(scope="module")
def vllm_plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnginePlan]:
    """The plan of one engine that all tests share; it starts in about 40 s, with the first one."""
    assert PYTHON.exists(), "vLLM is not here: run ./submit.sh test --all, which fetches it"
    directory = tmp_path_factory.mktemp("v")
    directory.chmod(0o700)
    plan = make_plan(
        load_recipe(ENGINES / "vllm.toml"),
        model=str(MODEL),
        python=str(PYTHON),
        # Compiling takes longer than it saves on a few requests. A CPU without BF16 needs over
        # 30 s for a step in it; FP32 is quick on all.
        extra_args=("--enforce-eager", "--dtype=float32", "--max-num-batched-tokens=2048"),
        max_model_len=2048,
        capacity=16,
        directory=str(directory),
        start_timeout=300.0,
        # Other tests run beside these.
        stall_timeout=60.0,
        request_timeout=240.0,
        max_restarts=10,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield plan
    # These tests are their own executor: nobody's end would end the engine.
    end_processes(processes_of(plan), grace=10)


@pytest.fixture(scope="session")
def embedded_tokenizer() -> str:
    """The tokenizer.json of the embedded model, which is this one's too."""
    return (Path(os.environ["MIND_MODELS_DIR"]) / TOKENIZER).read_text(encoding="utf-8")
