"""`Model`: a pipeline of scikit-learn, a network in ONNX and a remote service each fit in."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import onnxruntime
import pytest
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bureau_client.risk.models import Figures, FunctionModel, Model
from tests.unit.client.test_risk_scorecards import BEST, WORST

FEATURES = ("utilisation", "inquiries_6m")
ROWS: list[Figures] = [BEST, WORST, BEST | {"utilisation": None}]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    random = np.random.default_rng(7)
    values = random.uniform(size=(400, 2)).astype(np.float32) * [1.5, 12]
    values[::9, 0] = np.nan
    bad = np.nan_to_num(values[:, 0]) + values[:, 1] / 12 + random.normal(size=400) > 2
    steps = SimpleImputer(), StandardScaler(), LogisticRegression()
    return make_pipeline(*steps).fit(values.astype(np.float32), bad)


def in_process(pipeline: Pipeline) -> Model:
    return FunctionModel(
        "pipeline", "1", FEATURES, lambda matrix: pipeline.predict_proba(matrix)[:, 1]
    )


def test_a_pipeline_of_scikit_learn_is_a_model(pipeline: Pipeline) -> None:
    good, bad, unknown = in_process(pipeline).probabilities(ROWS)
    assert 0 < good < bad < 1
    assert good < unknown < 1
    assert in_process(pipeline).probabilities([]) == []


def test_a_network_in_onnx_is_a_model(pipeline: Pipeline) -> None:
    options = {id(pipeline): {"zipmap": False}}
    network = to_onnx(pipeline, np.zeros((1, 2), np.float32), options=options)
    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def run(matrix: list[list[float]]) -> Sequence[float]:
        (name,) = (each.name for each in session.get_inputs())
        _, probabilities = session.run(None, {name: np.array(matrix, np.float32)})
        column: Sequence[float] = probabilities[:, 1]
        return column

    model: Model = FunctionModel("network", "1", FEATURES, run)
    expected = in_process(pipeline).probabilities(ROWS)
    assert model.probabilities(ROWS) == pytest.approx(expected, abs=1e-5)


@contextmanager
def served(pipeline: Pipeline) -> Iterator[str]:
    """Serve the model over HTTP, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            matrix = [[np.nan if value is None else value for value in row] for row in body]
            answer = json.dumps(pipeline.predict_proba(matrix)[:, 1].tolist()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_remote_service_is_a_model(pipeline: Pipeline) -> None:
    with served(pipeline) as address:

        def post(matrix: list[list[float]]) -> list[float]:
            rows = [[None if math.isnan(value) else value for value in row] for row in matrix]
            with urllib.request.urlopen(address, json.dumps(rows).encode()) as reply:
                values: list[float] = json.load(reply)
                return values

        model: Model = FunctionModel("remote", "1", FEATURES, post)
        assert model.probabilities(ROWS) == in_process(pipeline).probabilities(ROWS)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([0.1, 0.2], "gave 2 values for 3 rows"),
        ([0.1, 0.2, 1.5], "gave 1.5 for row 2"),
        ([0.1, float("nan"), 0.3], "gave nan for row 1"),
    ],
)
def test_a_function_that_gives_no_probabilities_is_an_error(
    values: list[float], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        FunctionModel("wrong", "1", FEATURES, lambda _matrix: values).probabilities(ROWS)


def test_a_row_that_lacks_an_attribute_is_an_error(pipeline: Pipeline) -> None:
    with pytest.raises(KeyError, match="inquiries_6m"):
        in_process(pipeline).probabilities([{"utilisation": 0.5}])
