"""Writes each rating with what was known the moment before it was given."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pandas as pd

#: How many ratings of the overall mean a film's or visitor's own mean is mixed with.
SHRINKAGE = 5
FEATURES = ["global_mean", "movie_ratings", "movie_raw_mean", "movie_mean", "visitor_ratings", "visitor_mean"]


def known_before(ratings: pd.DataFrame) -> pd.DataFrame:
    """Point-in-time features of each rating, in the order of time; nothing of the rating itself or of later ones.

    Examples
    --------
    >>> ratings = pd.DataFrame({"userId": [1, 2, 1], "movieId": [7, 7, 8], "rating": [4.0, 2.0, 5.0], "timestamp": [10, 20, 30]})
    >>> known_before(ratings)[["movie_ratings", "movie_raw_mean", "visitor_ratings"]].values.tolist()
    [[0, 3.5, 0], [1, 4.0, 0], [0, 3.0, 1]]
    """
    table = ratings.sort_values(["timestamp", "userId", "movieId"], kind="stable").reset_index(drop=True)
    order = pd.Series(range(len(table)))
    earlier = table.rating.cumsum() - table.rating
    table["global_mean"] = (earlier / order.where(order > 0)).fillna(3.5)
    for name, key in (("movie", "movieId"), ("visitor", "userId")):
        groups = table.groupby(key).rating
        count = groups.cumcount()
        total = groups.cumsum() - table.rating
        table[f"{name}_ratings"] = count
        table[f"{name}_raw_mean"] = (total / count.where(count > 0)).fillna(table.global_mean)
        table[f"{name}_mean"] = (total + SHRINKAGE * table.global_mean) / (count + SHRINKAGE)
    return table


def with_place_in_day(table: pd.DataFrame) -> pd.DataFrame:
    """Adds ``place``: where a rating stands among those of its visitor and day (UTC), by a hash that knows neither time nor rating."""
    day = pd.to_datetime(table.timestamp, unit="s").dt.date
    lot = [hashlib.sha256(f"{user}/{movie}".encode()).hexdigest() for user, movie in zip(table.userId, table.movieId, strict=True)]
    return table.assign(place=pd.Series(lot, index=table.index).groupby([table.userId, day]).rank().astype(int) - 1)


if __name__ == "__main__":
    data, out = sys.argv[1:]
    known = with_place_in_day(known_before(pd.read_csv(Path(data) / "ratings.csv")))
    columns = ["timestamp", "userId", "movieId", "rating", "place", *FEATURES]
    known[columns].to_csv(out, index=False)
    print(f"{len(known)} ratings of {known.userId.nunique()} visitors")
