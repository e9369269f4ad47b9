"""Solves constraints."""

import kiwisolver

EXPECTED = [40.0, 60.0, "unsatisfiable"]


def use():
    a, b = kiwisolver.Variable("a"), kiwisolver.Variable("b")
    solver = kiwisolver.Solver()
    for constraint in (a + b == 100, b == 1.5 * a):
        solver.addConstraint(constraint)
    solver.updateVariables()
    try:
        solver.addConstraint(a == 1)
        last = "satisfiable"
    except kiwisolver.UnsatisfiableConstraint:
        last = "unsatisfiable"
    return [a.value(), b.value(), last]
