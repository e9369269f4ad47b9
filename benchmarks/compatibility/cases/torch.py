"""Tensors and a gradient."""

import torch

EXPECTED = [[[7.0, 10.0], [15.0, 22.0]], 6.0]


def use():
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()
    return [(a @ a).tolist(), x.grad.item()]
