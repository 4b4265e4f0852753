"""Put back what running a check may have changed in a student's notebook."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn


@contextlib.contextmanager
def restore_state(namespace: dict[str, Any]) -> Iterator[None]:
    """Put back what calling a student's functions inside the block may change.

    That is: the names of the namespace, in place; the random states of Python, NumPy and torch, on every device; and
    the parameters, buffers, gradients and training mode of the networks and leaf tensors that have a name.

    >>> names = {"w": torch.zeros(2)}
    >>> with restore_state(names):
    ...     names["w"] += 1
    >>> names["w"]
    tensor([0., 0.])
    """
    names = dict(namespace)
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    networks = [value for value in names.values() if isinstance(value, nn.Module)]
    modes = [(layer, layer.training) for network in networks for layer in network.modules()]
    tensors = [value for value in names.values() if type(value) in (torch.Tensor, nn.Parameter) and value.is_leaf]
    tensors += [t for network in networks for t in (*network.parameters(), *network.buffers())]
    tensors = [t for t in {id(t): t for t in tensors}.values() if t.device.type != "meta"]
    contents = []
    for t in tensors:
        grad_content = None if t.grad is None else t.grad.detach().clone()
        contents.append((t, t.detach().clone(), t.requires_grad, t.grad, grad_content))
    try:
        yield
    finally:
        namespace.clear()
        namespace.update(names)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        for layer, training in modes:
            layer.training = training
        for tensor, content, requires_grad, grad, grad_content in contents:
            with torch.no_grad():
                if not torch.equal(tensor, content):
                    tensor.copy_(content)
                if grad is not None:
                    grad.copy_(grad_content)
            tensor.requires_grad_(requires_grad)
            tensor.grad = grad
