"""The batch benchmark's model, rows, and peer: scikit-learn alone.

    python forest.py make FOLDER ROWS | python forest.py predict FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

SEED = 7
ROWS_A_GROUP = 100_000


def make(folder: Path, rows: int) -> None:
    """Train the forest of the serving benchmark, convert it, and write rows that lie between those it was trained on."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    frame, target = load_breast_cancer(return_X_y=True, as_frame=True)
    model = RandomForestClassifier(100, random_state=SEED, n_jobs=1).fit(frame, target)
    joblib.dump(model, folder / "forest.joblib")
    onnx = to_onnx(model, initial_types=[("x", FloatTensorType([None, frame.shape[1]]))], options={id(model): {"zipmap": False}})
    (folder / "forest.onnx").write_bytes(onnx.SerializeToString())
    (folder / "columns.json").write_text(json.dumps(list(frame.columns)))
    draw = np.random.default_rng(SEED)
    values = frame.to_numpy()
    writer = None
    for start in range(0, rows, ROWS_A_GROUP):
        count = min(ROWS_A_GROUP, rows - start)
        # Halves of two real rows, exact in 32 bits, so that both sides see the same numbers.
        mixed = (values[draw.integers(len(values), size=count)] + values[draw.integers(len(values), size=count)]) / 2
        table = pa.table(dict(zip(frame.columns, mixed.astype(np.float32).astype(np.float64).T, strict=True)))
        writer = writer or pq.ParquetWriter(folder / "rows.parquet", table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def predict(folder: Path) -> None:
    """Read the rows in parts, predict them, write the answers; print seconds and the largest memory."""
    model = joblib.load(folder / "forest.joblib")
    columns = json.loads((folder / "columns.json").read_text())
    start = time.perf_counter()
    writer = None
    done = 0
    for batch in pq.ParquetFile(folder / "rows.parquet").iter_batches(batch_size=ROWS_A_GROUP, columns=columns):
        answers = model.predict(batch.to_pandas())
        table = pa.table({"row": np.arange(done, done + len(answers)), "prediction": answers.astype(np.float64)})
        writer = writer or pq.ParquetWriter(folder / "peer.parquet", table.schema)
        writer.write_table(table)
        done += len(answers)
    if writer:
        writer.close()
    seconds = time.perf_counter() - start
    print(json.dumps({"rows": done, "seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    root = Path(sys.argv[2])
    make(root, int(sys.argv[3])) if sys.argv[1] == "make" else predict(root)
