"""Put back what running a check may have changed in a student's notebook."""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy


@contextlib.contextmanager
def restore_state(namespace: dict[str, Any]) -> Iterator[None]:
    """Put back what calling a student's functions inside the block may change.

    That is: the names of the namespace, in place; the random states of Python, NumPy and torch, on every device;
    torch's default dtype; and, for networks and leaf tensors among the namespace's values, the attributes of each
    layer (parameters, buffers, hooks, training mode) and each tensor's content, dtype and gradient.

    >>> names = {"w": torch.zeros(2)}
    >>> with restore_state(names):
    ...     names["w"] += 1
    >>> names["w"]
    tensor([0., 0.])
    """
    names = dict(namespace)
    python_state, numpy_state, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpus = [(gpu, gpu.get_rng_state_all()) for gpu in (torch.cuda, torch.xpu) if gpu.is_initialized()]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    dtype = torch.get_default_dtype()
    layers: dict[int, nn.Module] = {}
    tensors = [value for value in names.values() if type(value) in (torch.Tensor, nn.Parameter) and value.is_leaf]
    for value in names.values():
        if isinstance(value, nn.Module):
            _collect(value, layers)
    for layer in layers.values():
        tensors += [t for t in (*_held(layer, "_parameters"), *_held(layer, "_buffers")) if t is not None]
    undo = [_remember_attributes(layer) for layer in layers.values()]
    storages: dict[int, Callable[[], None]] = {}
    for tensor in {id(t): t for t in tensors if isinstance(t, torch.Tensor)}.values():
        undo.append(_remember_tensor(tensor, storages))
    try:
        yield
    finally:
        namespace.clear()
        namespace.update(names)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        torch.set_rng_state(torch_state)
        for gpu, states in gpus:
            gpu.set_rng_state_all(states)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        torch.set_default_dtype(dtype)
        for put_back in (*undo, *storages.values()):
            put_back()


def _held(layer: nn.Module, name: str) -> list[Any]:
    """A layer's ``_parameters``, ``_buffers`` or ``_modules``: none if it did not call ``super().__init__()``."""
    return list((vars(layer).get(name) or {}).values())


def _collect(layer: nn.Module, found: dict[int, nn.Module]) -> None:
    """Add a network and its layers, by identity. Its method ``modules`` is not used: a student may override it."""
    if isinstance(layer, nn.Module) and id(layer) not in found:
        found[id(layer)] = layer
        for inner in _held(layer, "_modules"):
            _collect(inner, found)


def _remember_attributes(layer: nn.Module) -> Callable[[], None]:
    attributes = dict(vars(layer))
    contents = [(value, value.copy()) for value in attributes.values() if isinstance(value, dict)]

    def put_back() -> None:
        vars(layer).clear()
        vars(layer).update(attributes)
        for value, content in contents:
            value.clear()
            value.update(content)

    return put_back


def _remember_tensor(tensor: torch.Tensor, storages: dict[int, Callable[[], None]]) -> Callable[[], None]:
    """Return what puts back a tensor and its gradient. What puts back their memory is added to ``storages``, once."""
    if tensor.device.type == "meta" or is_lazy(tensor):
        return lambda: None  # it has no content
    requires_grad, grad = tensor.requires_grad, tensor.grad
    content = tensor.detach()  # the same memory, with the present dtype and shape
    own_memory = _has_own_memory(tensor)
    if not own_memory:
        content = content.clone()
    else:
        _remember_storage(tensor, storages)
    put_back_grad = _remember_tensor(grad, storages) if grad is not None else None

    def put_back() -> None:
        if not own_memory or not _same_memory(tensor, content):
            tensor.data = content
        if tensor.requires_grad != requires_grad:
            tensor.requires_grad_(requires_grad)
        if put_back_grad:
            put_back_grad()
        if tensor.grad is not grad:
            tensor.grad = grad

    return put_back


def _has_own_memory(tensor: torch.Tensor) -> bool:
    """Whether a tensor has one storage: a sparse tensor has several, and some subclasses wrap other tensors."""
    if tensor.layout != torch.strided:
        return False
    try:
        tensor.untyped_storage().data_ptr()
    except RuntimeError:
        return False
    return True


def _same_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
    return (a.data_ptr(), a.dtype, a.shape, a.stride()) == (b.data_ptr(), b.dtype, b.shape, b.stride())


def _remember_storage(tensor: torch.Tensor, storages: dict[int, Callable[[], None]]) -> None:
    """Keep the bytes of a tensor's memory: bytes can be compared, NaN too, and written below an expanded tensor."""
    storage = tensor.untyped_storage()
    if storage.data_ptr() in storages or not storage.nbytes():
        return
    memory = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
    content = memory.clone()

    def put_back() -> None:
        if not torch.equal(memory, content):  # read-only memory must not be written to
            memory.copy_(content)

    storages[storage.data_ptr()] = put_back
