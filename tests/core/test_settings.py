"""Settings: layered, typed, and wrong in one message that names everything wrong."""

from pathlib import Path

import pytest

from spark_jobs.core.settings import PROJECT, load_settings
from udfs.errors import UsageError


def test_the_files_alone_are_valid_and_the_target_wins_over_the_defaults() -> None:
    settings = load_settings("local")

    assert settings.engine.recipe == "llamacpp"
    assert settings.generate.sampling.top_p == 0.9
    assert settings.generate.sampling.temperature == 0.8


def test_assignments_win_over_files_and_the_last_one_over_the_others(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.toml"
    overlay.write_text("[chunk]\nmax_tokens = 300\n")

    from_file = load_settings("local", [overlay])
    from_line = load_settings("local", [overlay], ["chunk.max_tokens=200", "chunk.max_tokens=100"])

    assert (from_file.chunk.max_tokens, from_line.chunk.max_tokens) == (300, 100)


def test_all_problems_are_reported_at_once_with_the_nearest_valid_name() -> None:
    with pytest.raises(UsageError) as error:
        load_settings(
            "local",
            assignments=[
                "chunk.max_token=400",
                "generate.samples=none",
                "generate.sampling.temprature=1",
                "tables.slices=3",
            ],
        )

    message = str(error.value)
    assert "4 problem(s)" in message
    assert "chunk.max_token: no such setting; did you mean max_tokens?" in message
    assert "generate.samples" in message
    assert "did you mean temperature?" in message
    assert "tables.slices is 3, expected a power of two" in message


@pytest.mark.parametrize("text", ["chunk", "chunk.max_tokens", "=3", "max_tokens=3"])
def test_an_assignment_of_another_shape_says_what_is_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"expected section\.key=value"):
        load_settings("local", assignments=[text])


def test_text_needs_no_quotes_and_lists_are_toml() -> None:
    settings = load_settings(
        "local", assignments=["ingest.source=owm", 'generate.styles=["debate"]']
    )

    assert settings.ingest.source == "owm"
    assert settings.generate.styles == ("debate",)


def test_paths_in_conf_are_the_projects_and_those_given_are_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings("local", assignments=["tables.root=w"])

    assert settings.tables.root == str(tmp_path / "w")
    assert settings.ingest.input == str(PROJECT / "conf" / "sample")


@pytest.mark.parametrize("location", ["hdfs://data/pages", "embedded"])
def test_urls_and_words_are_no_paths(location: str) -> None:
    settings = load_settings("local", assignments=[f"chunk.tokenizer={location}"])

    assert settings.chunk.tokenizer == location


def test_weights_may_be_a_folder_or_a_url_and_mean_the_same_on_every_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    local = ["engine.weights=m", "engine.weights_directory=w"]
    engine = load_settings("local", assignments=local).engine
    url = load_settings("local", assignments=["engine.weights=s3://models/m/"]).engine.weights

    assert (engine.weights, engine.weights_directory) == (str(tmp_path / "m"), str(tmp_path / "w"))
    assert url == "s3://models/m/"


def test_a_range_that_is_out_of_order_is_refused_by_name() -> None:
    rate = "estimate.weights_gigabytes_per_second=[1.0, 0.5]"

    with pytest.raises(UsageError, match=r"weights_gigabytes_per_second is \[1\.0, 0\.5\], exp"):
        load_settings("local", assignments=[rate])


def test_spark_properties_of_a_job_come_on_top_of_those_of_all() -> None:
    settings = load_settings(
        "local", assignments=["spark.all.spark.x=1", "spark.generate.spark.x=2"]
    )

    assert settings.spark_properties("chunk")["spark.x"] == "1"
    assert settings.spark_properties("generate")["spark.x"] == "2"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml: there is no such settings file"):
        load_settings("local", [tmp_path / "nowhere.toml"])


def test_a_prompt_without_its_markers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\$instruction"):
        load_settings("local", assignments=["generate.prompt=$document only"])


@pytest.mark.parametrize("generator", sorted((PROJECT / "conf" / "generators").glob("*.toml")))
def test_the_papers_generator_has_settings_for_its_gpus(generator: Path) -> None:
    settings = load_settings("local", [PROJECT / "conf" / "paper.toml", generator])

    assert "Llama-3-70B-Instruct" in settings.engine.model
    assert settings.generate.sampling.max_tokens == 0
    # 131 GiB of weights in BF16, 68 in FP8; 80 GB and 141 GB a GPU.
    memory = settings.engine.tensor_parallel_size * (79.6 if "h100" in generator.name else 131.3)
    weights = 68 if settings.engine.quantisation == "fp8" else 131
    tokens = (0.95 * memory - weights) * 1024 * 1024 / 320
    assert 0.7 < settings.engine.capacity * 1300 / tokens < 1
