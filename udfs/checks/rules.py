"""The rules: all checks with their limits, and the verdict on a dialogue.

Adding a check is adding its file, its line in CHECKS and in Rules, and its table in
`conf/mind.toml`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, get_type_hints

from pydantic import BaseModel, ConfigDict

from udfs import checks
from udfs.checks import (
    alternation,
    contaminated,
    contaminated_loose,
    duplicate,
    echo,
    engine_status,
    false_arithmetic,
    latex_broken,
    lost_numbers,
    meta_text,
    new_numbers,
    new_personal_data,
    no_dialogue,
    not_english,
    not_inpainted,
    one_sided,
    preamble,
    prompt_leak,
    refusal,
    repetition,
    role_names,
    too_few_tokens,
    truncated,
)
from udfs.checks.base import Dialogue, Finding, Limits, Value
from udfs.keys import content_key

# Raised by every change of what a check measures or finds: old verdicts then stay what they were.
CHECKS_VERSION = 11


class Check(Protocol):
    """What the module of a check offers."""

    @property
    def REASON(self) -> str:  # noqa: N802
        """The word for what it finds; its name in the settings too."""

    @property
    def Values(self) -> type[Any]:  # noqa: N802
        """The values it measures, a dataclass."""

    def check(self, dialogue: Dialogue, limits: Any) -> Finding[Any]:
        """The finding on one dialogue; pure, and never raises."""


CHECKS: Mapping[str, Check] = {
    check.REASON: check
    for check in (
        engine_status,
        too_few_tokens,
        truncated,
        no_dialogue,
        one_sided,
        role_names,
        alternation,
        preamble,
        meta_text,
        refusal,
        prompt_leak,
        latex_broken,
        repetition,
        echo,
        not_inpainted,
        new_numbers,
        lost_numbers,
        not_english,
        new_personal_data,
        false_arithmetic,
        contaminated,
        contaminated_loose,
    )
}


class Rules(BaseModel):
    """The limits of all checks: the table `[filter.checks]` of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine_status: checks.engine_status.Limits
    too_few_tokens: checks.too_few_tokens.Limits
    truncated: checks.truncated.Limits
    no_dialogue: checks.no_dialogue.Limits
    one_sided: checks.one_sided.Limits
    role_names: checks.role_names.Limits
    alternation: checks.alternation.Limits
    preamble: checks.preamble.Limits
    meta_text: checks.meta_text.Limits
    refusal: checks.refusal.Limits
    prompt_leak: checks.prompt_leak.Limits
    latex_broken: checks.latex_broken.Limits
    repetition: checks.repetition.Limits
    echo: checks.echo.Limits
    not_inpainted: checks.not_inpainted.Limits
    new_numbers: checks.new_numbers.Limits
    lost_numbers: checks.lost_numbers.Limits
    not_english: checks.not_english.Limits
    new_personal_data: checks.new_personal_data.Limits
    false_arithmetic: checks.false_arithmetic.Limits
    contaminated: checks.contaminated.Limits
    contaminated_loose: checks.contaminated_loose.Limits
    duplicate: checks.duplicate.Limits


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one dialogue.

    `reasons` are of gates, `tags` of checks that only record, both complete and in the order of
    CHECKS; `accepted` means no reason. `values` has every name of `value_types()`.
    """

    accepted: bool
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    values: dict[str, Value]


def judge(dialogue: Dialogue, rules: Rules) -> Verdict:
    """The verdict on one dialogue; a check whose action is `off` measures but finds nothing."""
    found: dict[str, list[str]] = {"gate": [], "tag": [], "off": []}
    values: dict[str, Value] = {}
    for name, check in CHECKS.items():
        limits: Limits = getattr(rules, name)
        finding = check.check(dialogue, limits)
        values.update(vars(finding.values))
        if finding.reason is not None:
            found[limits.action].append(finding.reason)
    return Verdict(not found["gate"], tuple(found["gate"]), tuple(found["tag"]), values)


def rules_id(rules: Rules) -> str:
    """Identifies what decides a verdict: every limit and action, the benchmarks' contents, and the
    checks' version; raises ValueError for benchmarks that are only named.
    """
    for benchmark in (*rules.contaminated.benchmarks, *rules.contaminated_loose.benchmarks):
        if not benchmark.sha256:
            raise ValueError(f"the benchmark {benchmark.name} is not loaded: see load_rules")
    thresholds = json.dumps(rules.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    versions = (CHECKS_VERSION, duplicate.ALGORITHM_VERSION)
    return content_key(*map(str, versions), thresholds)


def value_types() -> dict[str, type]:
    """Name and Python type of every value, in the order of CHECKS; for the table's schema."""
    return {
        name: kind
        for check in CHECKS.values()
        for name, kind in get_type_hints(check.Values).items()
    }
