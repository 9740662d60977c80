#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what scikit-learn makes of some calibration data, into calibration.json beside this script.

isotonic: blocks of IsotonicRegression, as the mean score, the value and the number of records of each.
platt:    LogisticRegression without a penalty on every record twice, weighted by its target and its complement: that is
          the maximum of the likelihood with soft targets. Where all qualities are 0 or 1, _SigmoidCalibration as well.
"""
import json
import pathlib

import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression


def cases():
    rng = np.random.default_rng(7)
    for n in (12, 60, 300):
        x = rng.normal(size=n) * 3 + 10
        yield f"binary {n}", x, (rng.random(n) < 1 / (1 + np.exp(10 - x))).astype(float)
    x = rng.normal(size=120) * 1e-3
    yield "soft, narrow", x, np.clip(0.5 + 300 * x + rng.normal(size=120) * 0.3, 0, 1)
    x = np.round(rng.random(200) * 12) / 4
    yield "ties", x, (rng.random(200) < x / 3).astype(float)
    x = rng.random(40) * 100 - 50
    yield "falling", x, (rng.random(40) < 0.5 - x / 110).astype(float)
    x = np.arange(20.0)
    yield "separable", x, (x >= 10).astype(float)
    yield "risen already", np.arange(60.0) / 7, np.arange(60.0) / 60
    x = rng.random(80)
    yield "fractions", x, rng.integers(0, 5, 80) / 4


def isotonic(x, y):
    fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(x)
    blocks = []
    for value in np.unique(np.round(fitted, 13)):
        inside = np.isclose(fitted, value, rtol=0, atol=1e-12)
        blocks.append([float(x[inside].mean()), float(y[inside].mean()), int(inside.sum())])
    return blocks


def platt(x, y):
    good = y.sum()
    high, low = (good + 1) / (good + 2), 1 / (len(y) - good + 2)
    t = low + (high - low) * y
    mean, deviation = x.mean(), x.std()
    twice = np.concatenate([x, x]).reshape(-1, 1)
    labels = np.concatenate([np.ones(len(x)), np.zeros(len(x))])
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit((twice - mean) / deviation, labels, sample_weight=np.concatenate([t, 1 - t]))
    slope, intercept = model.coef_[0, 0] / deviation, model.intercept_[0] - model.coef_[0, 0] * mean / deviation
    out = {"slope": float(slope), "intercept": float(intercept)}
    if set(np.unique(y)) <= {0.0, 1.0} and slope > 0:
        sigmoid = _SigmoidCalibration().fit(x, y)
        out["sigmoid"] = [float(p) for p in sigmoid.predict(x)]
    return out


def main():
    out = [{"name": name, "x": x.tolist(), "y": y.tolist(), "isotonic": isotonic(x, y), "platt": platt(x, y)}
           for name, x, y in cases()]
    text = "[" + ",\n".join(json.dumps(case) for case in out) + "]\n"
    pathlib.Path(__file__).with_name("calibration.json").write_text(text)


if __name__ == "__main__":
    main()
