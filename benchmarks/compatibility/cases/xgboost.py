"""Trains a small model."""

import numpy as np
import xgboost

EXPECTED = [[0, 1], True]


def use():
    x = np.arange(20.0).reshape(-1, 1)
    data = xgboost.DMatrix(x, (x[:, 0] > 9.5).astype(float))
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 10)
    found = model.predict(xgboost.DMatrix(np.array([[0.0], [19.0]])))
    return [found.round().astype(int).tolist(), len(model.save_raw()) > 100]
