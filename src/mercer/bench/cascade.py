"""`mercer bench cascade`: how much of what an ideal order would give buyers the cascade learns to give.

A synthetic market is opened, simulated buyers search in it, and every so many searches a ranker is
trained on the log and promoted, as an owner would. In the end fresh searches are judged by what the
listings are truly worth to those who asked (`cascade_judge.py`), and rankers that learned from the same
log without its bias being taken out, or in other ways, are tried on the same pages.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, cast

import numpy as np

from mercer.app import readied
from mercer.app_learner import follow_log
from mercer.bench.cascade_judge import Judgement, PageJudge, Score, judged
from mercer.bench.machine import provenance
from mercer.bench.market import private_folder
from mercer.demo import ensure_market
from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.feature_market import declared_set, fitted_plan
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import promote
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.engines.embedded.training_market import MarketJob, market_set
from mercer.engines.embedded.training_ranker import ROLE, trained_ranker
from mercer.learn.click_bias import Bias, BiasParams
from mercer.learn.lesson import Lesson
from mercer.learn.loading import loaded
from mercer.learn.model_file import ModelFile
from mercer.learn.split import SplitParams
from mercer.schema.errors import ConfigError, InputError
from mercer.traffic.driver import Amount
from mercer.traffic.run import TrafficParams, Watchers, run_traffic

BIASES: Final[tuple[Bias, ...]] = ("none", "swaps", "model")
DAYS: Final = 14.0  # of simulated time that the searches are spread over
K: Final = 10
Told = Callable[[str], None]

# Simulated time stands still while a page is made, so no stage is left out because the machine is
# busy; and no count is forgotten for want of room.
_CONFIG: Final = {
    "[rank]": "[rank]\nbudget_ms = 60000.0\n",
    "[counters]": "[counters]\nmax_keys = 4000000\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeBench:
    """What is played."""

    listings: int = 20_000
    searches: int = 20_000  # that are learned from
    rounds: int = 4  # trainings, evenly spread over them
    judged_searches: int = 2_000  # after the last training
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)

    def __post_init__(self) -> None:
        if min(self.listings, self.rounds, self.judged_searches) < 1 or not self.seeds:
            raise ConfigError("listings, rounds and judged searches must be 1 or more, seeds one")
        if self.searches < 200 * self.rounds or min(self.seeds) < 0:
            raise ConfigError(
                f"a round needs 200 searches to learn from, seeds are 0 or more; got "
                f"{self.searches} searches in {self.rounds} rounds, seeds {self.seeds}"
            )


def bench_cascade(bench: CascadeBench, *, cache: Path, told: Told) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        MarketError: a market cannot be made, or a log has too little to learn from.
    """
    folder = private_folder(cache)
    found = [_of_seed(bench, seed, folder, told) for seed in bench.seeds]
    biases = [one["share_by_bias"] for one in found]
    return {
        "bench": "cascade",
        **asdict(bench),
        "share": round(median(one["share"] for one in found), 4),
        "share_whole": round(median(one["share_whole"] for one in found), 4),
        "share_first_pass": round(median(one["share_first_pass"] for one in found), 4),
        "share_by_bias": {way: _middle([one[way] for one in biases]) for way in BIASES},
        "debiased_wins": sum(one["model"] > one["none"] for one in biases),
        "by_seed": found,
        **provenance(),
    }


def _middle(shares: list[float | None]) -> float | None:
    """The median of those that there are."""
    known = [one for one in shares if one is not None]
    return round(median(known), 4) if known else None


def _of_seed(bench: CascadeBench, seed: int, cache: Path, told: Told) -> dict[str, Any]:
    market = cache / f"cascade-{bench.listings}-{seed}"
    shutil.rmtree(market, ignore_errors=True)
    try:
        return _played(bench, seed, market, lambda said: told(f"seed {seed}: {said}"))
    finally:
        shutil.rmtree(market, ignore_errors=True)


def _played(bench: CascadeBench, seed: int, market: Path, told: Told) -> dict[str, Any]:
    folder, config = _made(market, bench.listings, seed)
    curve, refused, others = [], [], dict[str, Score]()
    per_round = bench.searches // bench.rounds
    for number in range(bench.rounds):
        judge = PageJudge(n_ranked=config.rank.candidates)
        _play(market, judge, per_round, seed=1_000 * (seed + 1) + number)
        one = judged(judge.pages, np.random.default_rng(seed))
        curve.append({"after": number * per_round, "share": round(one.share, 4)})
        told(f"{(number + 1) * per_round:,} searches, share while they ran {one.share:.3f}")
        model, why = _learn(folder, config, seed)
        told(f"the best rung is {model.manifest.params['rung']}")
        if why:
            refused.append(why)
        others["model"] = _score_of(model)
    # From the same log, before anything of what they are tried on is in it.
    for way in BIASES[:-1]:
        try:
            others[way] = _score_of(_trained(folder, config, seed, way))
        except InputError as fault:  # such as swaps of which none was clicked
            told(f"nothing is learned by {way!r}: {fault}")
    judge = PageJudge(n_ranked=config.rank.candidates, keep_features=True)
    report = _play(market, judge, bench.judged_searches, seed=77_777 + seed, probe_share=0.1)
    last = judged(judge.pages, np.random.default_rng(seed), others=others)
    told(f"share {last.share:.3f} [{last.share_low:.3f}, {last.share_high:.3f}]")
    return _line(seed, last, curve, refused, report)


def _line(
    seed: int, last: Judgement, curve: list[dict[str, Any]], refused: list[str], report: Any
) -> dict[str, Any]:
    return {
        "seed": seed,
        "pages": last.pages,
        "share": round(last.share, 4),
        "share_low": round(last.share_low, 4),
        "share_high": round(last.share_high, 4),
        "share_whole": round(last.share_whole, 4),
        "share_first_pass": round(last.share_first_pass, 4),
        "share_by_bias": {
            way: round(last.by_model[way], 4) if way in last.by_model else None for way in BIASES
        },
        "utility": {name: round(value, 5) for name, value in last.value.items()}
        | {"random_matches": report["utility"]["random_matches"]["mean"]},
        "curve": curve,
        "refused": refused,
    }


def _made(market: Path, listings: int, seed: int) -> tuple[MarketFolder, MarketConfig]:
    """A fresh market that logs the features of the default set."""
    ensure_market(market, n_listings=listings, seed=seed, name="Cascade")
    folder = MarketFolder(market)
    text = folder.config_file.read_text("utf-8")
    for heading, changed in _CONFIG.items():
        text = text.replace(heading, changed, 1)
    folder.config_file.write_text(text, "utf-8")
    config = folder.config()
    feature_set, _ = declared_set(market, None)
    log_values(folder, config.rates, fitted_plan(feature_set, folder, config))
    return folder, config


def _play(
    market: Path, judge: PageJudge, searches: int, *, seed: int, probe_share: float = 0.0
) -> dict[str, Any]:
    days = DAYS * min(searches / 20_000, 1.0)
    params = TrafficParams(
        amount=Amount(searches=searches, days=max(days, 0.5)), seed=seed, probe_share=probe_share
    )
    return run_traffic(
        market, params, watchers=Watchers(on_open=judge.open, on_judged=judge.judge)
    )  # fmt: skip


def _lesson(folder: MarketFolder, config: MarketConfig, way: Bias) -> Lesson:
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        follow_log(folder, config, log)
        made = market_set(folder, config, log, MarketJob(bias=BiasParams(way=way)))
    return Lesson(data=made.data, source="log", window=made.window, files=made.files)


def _learn(folder: MarketFolder, config: MarketConfig, seed: int) -> tuple[ModelFile, str]:
    """Train on the whole log as `mercer train ranker` does, and promote: the model, and why the gate
    refused it."""
    models = ModelFolder(folder.models, ROLE)
    model = _trained(folder, config, seed, "model")
    name = models.write(model)
    try:
        promote(models, name, at_ms=model.manifest.created_ms, readied=readied(folder, config))
    except InputError as fault:
        return model, str(fault)
    return model, ""


def _trained(folder: MarketFolder, config: MarketConfig, seed: int, way: Bias) -> ModelFile:
    lesson = _lesson(folder, config, way)
    model, _ = trained_ranker(lesson, SplitParams(), name=f"by-{way}", k=K, seed=seed)
    return model


def _score_of(model: ModelFile) -> Score:
    return cast(Score, loaded(model, at=model.manifest.name).scorer.score)
