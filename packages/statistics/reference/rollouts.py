"""Reference values of the tests of rollout statistics, by implementations that share no line with ours.

Run in an environment of its own: pip install ville==0.1.0 savvi==0.3.1 matplotlib cvxpy, then
python packages/statistics/reference/rollouts.py. The tests quote what it prints.
"""

import numpy as np
from savvi.multinomial import Multinomial
from ville.means import BettingCS
from ville.proportions import BernoulliTest


def stretched(n: int) -> np.ndarray:
    """Values of a congruence, the same as the tests make: spread over 0.1 to 0.7."""
    return np.array([((i * 37) % 101) / 100 for i in range(1, n + 1)]) * 0.6 + 0.1


def plausible_counts(n: int, quantile: float, alpha: float) -> tuple[int, int]:
    """Counts up to the quantile whose Bayes factor against it stays below 1 / alpha, by ville's e-process."""
    inside = []
    for count in range(n + 1):
        test = BernoulliTest(quantile, prior=(100 * quantile, 100 * (1 - quantile)))
        # The e-process depends on the count alone, so any order of the values will do.
        test.update(np.repeat([1.0, 0.0], [count, n - count]))
        if test.log_e_values_[-1] < np.log(1 / alpha):
            inside.append(count)
    return inside[0], inside[-1]


def main() -> None:
    for n, quantile in [(200, 0.9), (100, 0.5), (1_000, 0.99)]:
        print(f"counts up to the {quantile} quantile of {n}, ville:", plausible_counts(n, quantile, 0.05))
    model = Multinomial(0.05, np.array([0.5, 0.5]), k=100)
    model.update(np.array([32, 68]))
    print("Bayes factor of 32 of 100 at the median, savvi:", model.odds)

    for name, values in [("spread", stretched(200)), ("one in 20", (np.arange(1, 301) % 20 == 0).astype(float))]:
        sequence = BettingCS(bounds=(0, 1), alpha=0.05, c=0.5, grid=201)
        sequence.update(values)
        print(f"mean of {name}, ville:", sequence.interval())


if __name__ == "__main__":
    main()
