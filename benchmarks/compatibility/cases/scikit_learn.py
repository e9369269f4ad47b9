"""Fits a line, a forest, and finds clusters."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

EXPECTED = [[2.0, 1.0], [0, 1], 2]


def use():
    x = np.arange(10.0).reshape(-1, 1)
    line = LinearRegression().fit(x, 2 * x[:, 0] + 1)
    forest = RandomForestClassifier(10, random_state=0).fit(x, x[:, 0] > 4.5)
    clusters = KMeans(2, n_init=3, random_state=0).fit(np.vstack([x, x + 100]))
    coefficients = [round(float(line.coef_[0]), 6), round(float(line.intercept_), 6)]
    return [
        coefficients,
        forest.predict([[0.0], [9.0]]).astype(int).tolist(),
        len(set(clusters.labels_)),
    ]
