"""Statistics against independent judges: statsmodels, published examples, brute force and seeded simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as reference
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from evalkit import stats

counts = st.integers(0, 60)


# --------------------------------------------------------------------------- rates


@given(judged=st.integers(1, 3000), data=st.data(), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(judged: int, data: st.DataObject, confidence: float) -> None:
    passed = data.draw(st.integers(0, judged))
    expected = proportion_confint(passed, judged, 1 - confidence, "wilson")
    assert stats.wilson(passed, judged, confidence) == pytest.approx(expected, abs=1e-12)


def test_wilson_of_newcombe_1998() -> None:
    """Newcombe, Statistics in Medicine 17:857-872, table I, method 3."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (passed, judged), interval in published.items():
        assert stats.wilson(passed, judged) == pytest.approx(interval, abs=5e-5)


def test_wilson_knows_nothing_without_data_and_keeps_the_ends() -> None:
    assert stats.wilson(0, 0) is None
    none, all_ = stats.wilson(0, 7), stats.wilson(7, 7)
    assert none is not None and none[0] == 0.0
    assert all_ is not None and all_[1] == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_benjamini_hochberg_agrees_with_statsmodels(ps: list[float]) -> None:
    assert stats.benjamini_hochberg(ps) == pytest.approx(multipletests(ps, method="fdr_bh")[1], abs=1e-12)


# --------------------------------------------------------------------------- paired proportions


def likelihood_interval(gained: int, lost: int, pairs: int, confidence: float) -> tuple[float, float]:
    """Tango's interval the long way: the restricted maximum of the likelihood is searched for numerically."""
    z = reference.norm.ppf((1 + confidence) / 2)

    def score(delta: float) -> float:
        def unlikely(q: float) -> float:
            cells = (gained, q + delta), (lost, q), (pairs - gained - lost, 1 - 2 * q - delta)
            return -math.fsum(n * math.log(p) if n else 0.0 for n, p in cells if n)

        low, high = max(0.0, -delta), (1 - delta) / 2
        q = optimize.minimize_scalar(unlikely, bounds=(low + 1e-13, high - 1e-13), options={"xatol": 1e-13}).x
        return float((gained - lost - pairs * delta) / math.sqrt(pairs * (2 * q + delta - delta**2)))

    seen = (gained - lost) / pairs
    ends = (optimize.brentq(lambda d: score(d) - z, -0.999, seen), optimize.brentq(lambda d: score(d) + z, seen, 0.999))
    return ends[0], ends[1]


@pytest.mark.parametrize(
    ("gained", "lost", "pairs"), [(1, 7, 21), (6, 16, 161), (40, 20, 160), (3, 1, 500), (2, 9, 30)]
)
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_tango_agrees_with_the_likelihood_maximised_numerically(
    gained: int, lost: int, pairs: int, confidence: float
) -> None:
    expected = likelihood_interval(gained, lost, pairs, confidence)
    assert stats.tango(gained, lost, pairs, confidence) == pytest.approx(expected, abs=2e-5)


def test_tango_of_the_airway_example() -> None:
    """Airway hyper-responsiveness in 21 children, 1 against 7 discordant: Fagerland, Lydersen & Laake 2014, table V."""
    assert stats.tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(pairs=st.integers(1, 400), data=st.data(), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_tango_ends_are_roots_of_the_published_quartic(pairs: int, data: st.DataObject, confidence: float) -> None:
    """Yang, Sun & Hardin 2013 (Statistics in Medicine 32:1336) turn the score equation into a polynomial."""
    gained = data.draw(st.integers(0, pairs))
    lost = data.draw(st.integers(0, pairs - gained))
    n, d, s = pairs, gained - lost, gained + lost
    g = float(reference.norm.ppf((1 + confidence) / 2)) ** 2
    quartic = [
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * (s / g + 1),
        n * d * (2 * s / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - s) / g,
    ]
    size = sum(abs(c) for c in quartic)
    for end in stats.tango(gained, lost, pairs, confidence):
        if abs(end) < 1 - 1e-9:
            assert abs(np.polyval(quartic, end)) < 1e-9 * size


@given(pairs=st.integers(1, 300), data=st.data())
def test_tango_is_symmetric_and_holds_what_was_seen(pairs: int, data: st.DataObject) -> None:
    gained = data.draw(st.integers(0, pairs))
    lost = data.draw(st.integers(0, pairs - gained))
    low, high = stats.tango(gained, lost, pairs)
    assert low <= (gained - lost) / pairs + 1e-9 and (gained - lost) / pairs - 1e-9 <= high
    assert stats.tango(lost, gained, pairs) == pytest.approx((-high, -low), abs=1e-9)


@given(pairs=st.integers(2, 300), data=st.data())
def test_one_more_loss_never_raises_a_tango_bound(pairs: int, data: st.DataObject) -> None:
    gained = data.draw(st.integers(0, pairs - 1))
    lost = data.draw(st.integers(0, pairs - gained - 1))
    before, after = stats.tango(gained, lost, pairs, 0.9), stats.tango(gained, lost + 1, pairs, 0.9)
    assert after[0] <= before[0] + 1e-9 and after[1] <= before[1] + 1e-9


def test_no_discordant_pair_still_leaves_doubt() -> None:
    low, high = stats.tango(0, 0, 100)
    assert (low, high) == pytest.approx((-0.037, 0.037), abs=5e-4)


def test_mcnemar_of_fagerland_2013() -> None:
    """Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13:91: 3 against 11, and 1 against 7."""
    assert stats.mcnemar_exact(3, 11) == pytest.approx(0.057, abs=5e-4)
    assert stats.mcnemar_midp(3, 11) == pytest.approx(0.035, abs=5e-4)
    assert stats.mcnemar_exact(1, 7) == pytest.approx(0.070, abs=5e-4)
    assert stats.mcnemar_midp(1, 7) == pytest.approx(0.039, abs=5e-4)


@given(counts, counts)
def test_mcnemar_exact_agrees_with_statsmodels_and_midp_lies_below(gained: int, lost: int) -> None:
    exact = float(mcnemar([[5, gained], [lost, 5]], exact=True).pvalue) if gained + lost else 1.0
    assert stats.mcnemar_exact(gained, lost) == pytest.approx(exact, abs=1e-9)
    chance = float(reference.binom.pmf(gained, gained + lost, 0.5))
    assert stats.mcnemar_midp(gained, lost) == pytest.approx(
        min(1.0, exact - chance if gained != lost else 1.0), abs=1e-9
    )


@given(st.lists(st.tuples(st.sampled_from([-1.0, -0.5, 0.0, 1.0]), st.integers(0, 9)), min_size=12, max_size=80))
def test_clustered_mean_agrees_with_statsmodels(pairs: list[tuple[float, int]]) -> None:
    values, clusters = [value for value, _ in pairs], [cluster for _, cluster in pairs]
    groups = len(set(clusters))
    if groups < 2:
        with pytest.raises(ValueError, match="two clusters"):
            stats.clustered_mean(values, clusters)
        return
    fit = sm.OLS(np.array(values), np.ones((len(values), 1))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(clusters), "use_correction": False, "df_correction": True}
    )
    error = float(np.sqrt(max(0.0, fit.cov_params()[0, 0]) * groups / (groups - 1)))
    half = float(reference.t.ppf(0.975, groups - 1)) * error
    mean = float(np.mean(values))
    assert stats.clustered_mean(values, clusters) == pytest.approx((mean - half, mean + half), abs=1e-9)


def test_adjusted_mean_is_near_bonett_and_price() -> None:
    """The adjusted Wald interval: (b+1, c+1, n+2), z in place of our t, which is a little wider."""
    gained, lost, pairs = 12, 20, 200
    up, down = (gained + 1) / (pairs + 2), (lost + 1) / (pairs + 2)
    half = 1.959964 * math.sqrt((up + down - (up - down) ** 2) / (pairs + 2))
    values = [1.0] * gained + [-1.0] * lost + [0.0] * (pairs - gained - lost)
    low, high = stats.adjusted_mean(values)
    assert (low, high) == pytest.approx((up - down - half, up - down + half), abs=0.001)
    assert high - low > 2 * half


# --------------------------------------------------------------------------- two groups, two totals


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_a_contrast_of_two_wilson_intervals_is_newcombes(n: int, m: int, data: st.DataObject) -> None:
    one, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    ends = [(passed / of, *(stats.wilson(passed, of) or (0.0, 1.0))) for passed, of in ((one, n), (other, m))]
    expected = confint_proportions_2indep(one, n, other, m, method="newcomb", compare="diff")
    assert stats.contrast(ends[0], ends[1]) == pytest.approx(expected, abs=1e-9)


def test_contrast_of_newcombe_1998() -> None:
    """Statistics in Medicine 17:873-890, table II, method 10: 56/70 - 48/80 is +.0524 to +.3339."""
    (a, b), (c, d) = stats.wilson(56, 70) or (0, 0), stats.wilson(48, 80) or (0, 0)
    assert stats.contrast((56 / 70, a, b), (48 / 80, c, d)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_contrast_of_paired_differences_is_covered() -> None:
    """Bonferroni's confidence for ten looks, 30 pairs with a feature and 60 without, both with some discordance."""
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(800):
        ends = []
        for n, fall in ((30, 0.2), (60, 0.05)):
            values = list(rng.choice([1.0, -1.0, 0.0], size=n, p=[0.05, 0.05 + fall, 0.9 - fall]))
            seen = stats.difference(values, range(n), averaged=False, confidence=0.95)
            assert seen is not None
            ends.append((seen.mean, seen.low, seen.high))
        low, high = stats.contrast(ends[0], ends[1])
        hits += low <= -0.15 <= high
    assert hits / 800 >= 0.94


def test_a_surer_interval_is_wider_and_leaves_the_bounds() -> None:
    values = [1.0, -1.0, -1.0, -1.0, *[0.0] * 40]
    usual, surer = (stats.difference(values, range(44), averaged=False, confidence=c) for c in (0.95, 0.995))
    assert usual is not None and surer is not None
    assert surer.low < usual.low < usual.high < surer.high
    assert (surer.lower_bound, surer.upper_bound) == (usual.lower_bound, usual.upper_bound)


def test_the_ratio_of_totals_is_covered() -> None:
    """40 bills of log-normal sizes, the second 1.3 times the first but for noise."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(600):
        was = rng.lognormal(0, 0.7, 40)
        now = was * 1.3 * rng.lognormal(-0.045, 0.3, 40)  # a mean of 1.3
        found = stats.ratio_of_totals(list(zip(was.tolist(), now.tolist(), strict=True)))
        assert found is not None and found[1] is not None and found[2] is not None
        hits += found[1] <= 1.3 <= found[2]
    assert hits / 600 >= 0.92


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_swapping_two_totals_inverts_their_ratio(pairs: list[tuple[float, float]]) -> None:
    there, back = stats.ratio_of_totals(pairs), stats.ratio_of_totals([(now, was) for was, now in pairs])
    assert there is not None and back is not None
    assert there[0] == pytest.approx(sum(now for _, now in pairs) / sum(was for was, _ in pairs))
    assert back[0] == pytest.approx(1 / there[0])
    if there[1] is None or there[2] is None:
        assert len(pairs) < 6
    else:
        assert back[1:] == pytest.approx((1 / there[2], 1 / there[1]))


def test_a_total_of_nothing_has_no_ratio() -> None:
    assert stats.ratio_of_totals([]) is None
    assert stats.ratio_of_totals([(0.0, 1.0)]) is None and stats.ratio_of_totals([(1.0, 0.0)]) is None


# --------------------------------------------------------------------------- the interval in use


def coverage(draws: int, draw: object, truth: float, *, averaged: bool, seed: int) -> float:
    """Share of simulated suites whose 95 % interval holds `truth`."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(draws):
        values, clusters = draw(rng)  # type: ignore[operator]
        found = stats.difference(values, clusters, averaged=averaged)
        assert found is not None
        hits += found.low <= truth <= found.high
    return hits / draws


def test_coverage_where_hardly_any_pair_is_discordant() -> None:
    """n = 60, 2 % gained and 1 % lost: the usual interval covers .837 of the time."""

    def draw(rng: np.random.Generator) -> tuple[list[float], list[int]]:
        return list(rng.choice([1.0, -1.0, 0.0], size=60, p=[0.02, 0.01, 0.97])), list(range(60))

    assert coverage(1000, draw, 0.01, averaged=False, seed=1) >= 0.94


@pytest.mark.parametrize("groups", [8, 15, 40])
def test_coverage_where_the_cases_of_a_tool_fall_together(groups: int) -> None:
    def draw(rng: np.random.Generator) -> tuple[list[float], list[int]]:
        shift = np.repeat(rng.normal(0, 0.15, groups), 10)
        noise = rng.uniform(size=groups * 10)
        values = (noise < 0.2 + shift).astype(float) - (noise > 0.8 + shift)
        return list(values), list(np.repeat(np.arange(groups), 10))

    assert coverage(600, draw, 0.0, averaged=False, seed=groups) >= 0.93


def test_coverage_and_gain_of_repeated_trials() -> None:
    """Means over five noisy trials: still covered, and narrower than five times as coarse single trials."""

    def draw(rng: np.random.Generator) -> tuple[list[float], list[int]]:
        rates = rng.beta(8, 1, 60)
        means = (rng.binomial(5, rates) - rng.binomial(5, rates)) / 5
        return list(means), list(range(60))

    assert coverage(800, draw, 0.0, averaged=True, seed=5) >= 0.94
    values, clusters = draw(np.random.default_rng(9))
    averaged = stats.difference(values, clusters, averaged=True)
    single = stats.difference(values, clusters, averaged=False)
    assert averaged and single
    assert averaged.high - averaged.low < 0.8 * (single.high - single.low)


def test_the_wider_interval_counts_at_each_end() -> None:
    values = [-1.0 if i % 10 < 4 and i < 80 else 0.0 for i in range(200)]
    tools = [i // 10 for i in range(200)]  # 8 tools of 20 fell by 4 in 10
    found = stats.difference(values, tools, averaged=False)
    alone, wide = stats.tango(0, 32, 200), stats.clustered_mean(values, tools)
    assert found and (found.low, found.high) == (wide[0], wide[1])
    assert wide[0] < alone[0] and alone[1] < wide[1]


def test_what_befell_a_few_tools_is_taken_as_given() -> None:
    """One tool of twelve that wholly rose does not make a fall possible."""
    values, tools = [1.0] * 10 + [0.0] * 110, [i // 10 for i in range(120)]
    found = stats.difference(values, tools, averaged=False)
    assert found and (found.low, found.high) == stats.tango(10, 0, 120) and found.low > 0
    assert stats.clustered_mean(values, tools)[0] < 0
    assert stats.difference([], [], averaged=False) is None


@given(
    st.lists(st.sampled_from([-1.0, -0.4, 0.0, 0.2, 1.0]), min_size=1, max_size=60), st.booleans(), st.integers(1, 20)
)
def test_bounds_are_ordered_and_symmetric(values: list[float], averaged: bool, groups: int) -> None:
    clusters = [i % groups for i in range(len(values))]
    found = stats.difference(values, clusters, averaged=averaged)
    mirrored = stats.difference([-v for v in values], clusters, averaged=averaged)
    assert found and mirrored
    slack = 1e-9
    assert (
        -1
        <= found.low
        <= found.lower_bound + slack
        <= found.upper_bound + 2 * slack
        <= found.high + 3 * slack
        <= 1 + 1e-8
    )
    assert (mirrored.low, mirrored.upper_bound) == pytest.approx((-found.high, -found.lower_bound), abs=1e-9)


# --------------------------------------------------------------------------- power


@pytest.mark.parametrize(("cases", "power"), [(200, 0.63), (400, 0.89), (800, 0.99)])
def test_power_agrees_with_simulation(cases: int, power: float) -> None:
    """Equal models, 2 % + 2 % discordant, margin 3 points: the test in use, simulated, and the formula."""
    rng = np.random.default_rng(cases)
    drawn = rng.multinomial(cases, [0.02, 0.02, 0.96], size=4000)
    passes = np.mean([stats.tango(float(b), float(c), cases, 0.9)[0] > -0.03 for b, c, _ in drawn])
    assert passes == pytest.approx(power, abs=0.05)
    assert stats.power_not_worse(cases, 0.04, 0.03) == pytest.approx(passes, abs=0.05)


@given(discordant=st.floats(0.005, 0.4), margin=st.floats(0.01, 0.2), power=st.floats(0.5, 0.99))
def test_cases_for_margin_is_the_reverse_of_power(discordant: float, margin: float, power: float) -> None:
    need = stats.cases_for_margin(discordant, margin, power)
    assert stats.power_not_worse(need, discordant, margin) >= power - 1e-9
    assert need == 1 or stats.power_not_worse(need - 1, discordant, margin) < power


def test_cases_to_settle() -> None:
    need = stats.cases_to_settle(1, 3, 100, 0.05)
    assert need is not None and 100 < need < 1000
    assert stats.tango(need / 100, 3 * need / 100, need, 0.9)[0] > -0.05
    assert stats.cases_to_settle(0, 5, 100, 0.05) is None  # what is seen is the limit itself
    wider = stats.cases_to_settle(1, 3, 100, 0.05, widening=2)
    assert wider is not None and wider >= 4 * need - 4


def test_cases_below_a_floor() -> None:
    need = stats.cases_below_floor(0.95, 0.98)
    assert need is not None
    surely = stats.wilson(0.95 * need, need)
    assert surely is not None and surely[1] < 0.98
    assert stats.cases_below_floor(0.99, 0.98) is None


# --------------------------------------------------------------------------- latency


@pytest.mark.parametrize(("quantile", "least"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_quantile_bounds_need_enough_values(quantile: float, least: int) -> None:
    values = [float(i) for i in range(least)]
    assert stats.quantile_interval(values, quantile) is not None
    assert stats.quantile_interval(values[:-1], quantile) is None


def test_median_ranks_of_the_tables() -> None:
    """Ranks of a 95 % interval of the median (Hollander, Wolfe & Chicken 2014, sign test): 6 and 15 of 20, 40 and 61
    of 100."""
    assert stats.quantile_interval([float(i) for i in range(1, 21)], 0.5) == (10, 6, 15)
    assert stats.quantile_interval([float(i) for i in range(1, 101)], 0.5) == (50, 40, 61)


def test_quantile_coverage() -> None:
    rng = np.random.default_rng(3)
    truth = math.exp(reference.norm.ppf(0.95))
    hits = 0
    for _ in range(500):
        found = stats.quantile_interval(rng.lognormal(size=120).tolist(), 0.95)
        assert found is not None
        hits += found[1] <= truth <= found[2]
    assert hits / 500 >= 0.94


@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=1, max_size=40))
def test_hodges_lehmann_is_the_median_of_all_means_of_two(values: list[float]) -> None:
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2))
    middle, low, high = stats.hodges_lehmann(values)
    assert middle == pytest.approx(float(np.median(means)), abs=1e-9)
    assert (low is None) == (len(values) < 6)
    assert low is None or (high is not None and low <= middle + 1e-12 and middle <= high + 1e-12)


@pytest.mark.parametrize(("pairs", "critical"), [(6, 0), (8, 3), (10, 8), (15, 25), (20, 52), (25, 89), (30, 137)])
def test_hodges_lehmann_ends_at_the_tabled_ranks(pairs: int, critical: int) -> None:
    """Two-sided 5 % points of the signed-rank statistic, as in any table (Hollander, Wolfe & Chicken 2014, A.4)."""
    values = np.random.default_rng(pairs).normal(size=pairs)
    means = sorted((a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2))
    _, low, high = stats.hodges_lehmann(values.tolist())
    assert (low, high) == pytest.approx((means[critical], means[-1 - critical]), abs=1e-12)


def test_many_pairs_use_ranks_next_to_the_exact_ones() -> None:
    from evalkit.stats import latency

    exact = latency._critical_rank(latency.EXACT_RANKS, 0.025)
    spread = math.sqrt(60 * 61 * 121 / 24)
    assert abs(exact - (60 * 61 / 4 - 1.959964 * spread + 0.5)) < 2
    values = np.random.default_rng(0).normal(0.1, 1, 400)
    _, low, high = stats.hodges_lehmann(values.tolist())
    assert low is not None and high is not None
    tails = [reference.wilcoxon(values - end, method="asymptotic").pvalue for end in (low, high)]
    assert tails == pytest.approx([0.05, 0.05], abs=0.003)
