"""Which expected gradients are gradients, on other worlds than the command's."""

from __future__ import annotations

import pytest
import torch

from agents.learners import CE, DistIL
from agents.theory.field import asymmetry, expected_score
from agents.theory.world import differences, random_tree, relative


@pytest.mark.parametrize(("shape", "seed"), [((2, 4), 1), ((4, 3), 2)])
def test_only_undiscounted_credit_in_full_has_an_objective(shape: tuple[int, int], seed: int) -> None:
    world, _, theta = random_tree(*shape, seed)
    assert asymmetry(world, theta, DistIL(future_weight=1.0, baseline="none")) < 1e-9
    assert asymmetry(world, theta, DistIL(future_weight=1.0, baseline="none", gamma=0.8)) > 1e-2
    assert asymmetry(world, theta, DistIL(baseline="none", future_weight=2.0)) > 1e-2
    assert asymmetry(world, theta, CE()) > 1e-2  # local credit follows no objective either


def test_no_function_of_the_state_charges_its_own_token() -> None:
    world, _, theta = random_tree(3, 3, 3)
    any_function = torch.linspace(-2, 5, len(theta), dtype=theta.dtype)[world.states]
    assert float(expected_score(world, theta, any_function).norm()) < 1e-12
    of_the_token = world.ids.double()
    assert float(expected_score(world, theta, of_the_token).norm()) > 1e-2


def test_differences_are_derivatives() -> None:
    at = torch.tensor([[0.3, -1.2], [0.7, 2.0]], dtype=torch.float64)
    jacobian = differences(lambda x: (x**3).sum(-1), at)
    exact = torch.zeros(2, 2, 2, dtype=torch.float64)
    for row in range(2):
        exact[row, row] = 3 * at[row] ** 2
    assert relative(jacobian, exact) < 1e-11
