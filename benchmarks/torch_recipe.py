"""The recipe in eager PyTorch, one task after another. PyTorch is imported when it is used."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.setting import Setting

Weights = Sequence[tuple[np.ndarray, np.ndarray]]


def is_installed() -> bool:
    """Whether PyTorch is there."""
    return importlib.util.find_spec("torch") is not None


def has_gpu() -> bool:
    """Whether PyTorch, which must be there, has a GPU to compute on."""
    import torch

    return torch.cuda.is_available()


def to_parameters(weights: Weights, device: str = "cpu") -> list[Any]:
    """[(kernel [in, out], bias [out])] as a flat list of leaf tensors."""
    import torch

    return [torch.tensor(np.array(x), device=device).requires_grad_() for w in weights for x in w]


def make_meta_gradient(
    setting: Setting, bf16: bool = False, device: str = "cpu"
) -> Callable[[list[Any], np.ndarray], list[Any]]:
    """Builds (parameters, images [tasks, side, side, c]) -> the mean of the tasks' meta-gradients.

    `bf16` casts as `torch.autocast` does; the loss is in float32 all the same.
    """
    import torch

    axis = np.arange(setting.side) / setting.side
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    coords = torch.as_tensor(grid, device=device)

    def loss(params, values):
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            predictions = _apply(params, coords.to(values.dtype), setting.omega)
        return ((predictions.to(values.dtype) - values) ** 2).mean()

    def adapt(params, values):
        second_order = setting.algorithm == "maml"
        for _ in range(setting.inner_steps):
            slopes = torch.autograd.grad(loss(params, values), params, create_graph=second_order)
            params = [p - setting.inner_rate * g for p, g in zip(params, slopes)]
        return params

    def one(params, image):
        values = torch.as_tensor(image.reshape(-1, image.shape[-1]), device=device)
        adapted = adapt(params, values)
        if setting.algorithm == "reptile":
            return [(p - q).detach() for p, q in zip(params, adapted)]
        return torch.autograd.grad(loss(adapted, values), params)

    def meta_gradient(params, images):
        gradients = [one(params, image) for image in images]
        return [sum(parts) / len(images) for parts in zip(*gradients)]

    return meta_gradient


def make_step(
    setting: Setting, weights: Weights, images: np.ndarray, bf16: bool, device: str
) -> Callable[[], None]:
    """Builds a function that takes the next outer step of Adam and waits for it."""
    import torch

    params = to_parameters(weights, device)
    optimizer = torch.optim.Adam(params, setting.outer_rate)
    meta_gradient = make_meta_gradient(setting, bf16, device)

    def step():
        for p, slope in zip(params, meta_gradient(params, images)):
            p.grad = slope
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def _apply(params, coords, omega):
    import torch

    x = coords
    *hidden, (w, b) = zip(params[::2], params[1::2])
    for kernel, bias in hidden:
        x = torch.sin(omega * torch.addmm(bias, x, kernel))
    return torch.addmm(b, x, w) + 0.5
