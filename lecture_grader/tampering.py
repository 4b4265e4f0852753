"""Notice what a notebook has replaced of that on which the checks rest: in torch, in the worker, in Python.

Code that runs in the same interpreter can replace anything, this module too, so nothing here is a protection: it makes
visible what would otherwise pass unseen. It knows functions by identity and by their code, never by their behaviour.
"""

import builtins
import copy
import functools
import json
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.autograd import function as autograd_function
from torch.autograd import grad_mode
from torch.nn.modules import module as nn_module

_MISSING, _NOTHING = object(), object()
_OWN = [f"lecture_grader.{name}" for name in ("worker", "protocol", "tampering")]
_OWN += [f"lecture_utils.grading.{name}" for name in ("namespace", "state", "values", "errors")]
_BUILTINS = """
    abs all any bool bytes callable dict enumerate filter float getattr hasattr id int isinstance issubclass iter len
    list map max min next object range reversed round set setattr sorted str sum super tuple type vars zip
"""
_TORCH = """
    Generator Size Tensor allclose arange as_tensor cat device dtype empty enable_grad equal from_numpy full
    get_default_dtype get_rng_state inference_mode is_floating_point is_grad_enabled is_inference_mode_enabled is_tensor
    isfinite no_grad ones rand randn set_grad_enabled set_rng_state stack tensor zeros
"""
_NUMPY = "allclose array array_equal asarray ascontiguousarray ndarray"
_OPTIMIZERS = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop)
_OPTIMIZER = "add_param_group load_state_dict register_step_pre_hook register_step_post_hook state_dict step zero_grad"
# Libraries and teachers change how objects are shown and how layers begin; no check rests on that.
_HARMLESS = re.compile(
    r"__(init|repr|str|format|dir|doc|module|annotations|dict|weakref|hash|init_subclass)__|_repr_.*"
)
_HARMLESS_IN = {
    "torch.Tensor": {"T", "H", "mT", "mH", "ndim"},
    "torch.nn.Module": {"extra_repr", "forward", "compile", "__new__", "__setstate__"},  # torch.compile replaces two
}

# Names that no task needs. A student who uses one may only be curious, so this is a hint for the instructor.
_INSIDE = re.compile(
    r"lecture_utils\.grading|lecture_utils import grading|lecture_grader|lecture_checks|get_objects\b|get_referrers\b"
    r"|get_referents\b|_getframe\b|_current_frames\b|currentframe\b|inspect\.stack\b|f_back\b|f_locals\b|tb_frame\b"
    r"|gi_frame\b|getsignal\b|ctypes\.(?:pythonapi|py_object)\b|sys\.settrace\b|sys\.setprofile\b"
    r"|__closure__|cell_contents|_disable_current_modes\b|DisableTorch\w+|inference_mode\((?:mode=)?False|start_new_thread\b"
    r"|_forward_(?:pre_)?hooks\b|torch\.library\b|initial_seed\b"
)


class _Part(NamedTuple):
    """One function, class or value that should stay what it is, or become what a base of its class has."""

    name: str
    holder: Mapping[str, Any]
    key: str
    value: Any
    inherited: Any = _NOTHING


def names_of_the_inside(source: str) -> list[str]:
    """The names in a cell's source that lead into the grader or around the rules of Python, each once.

    Example:
        >>> names_of_the_inside("import gc; gc.get_objects()")
        ['get_objects']
    """
    return sorted(set(_INSIDE.findall(source)))


def watch(*objects: Any) -> Callable[[], list[str]]:
    """Remember the functions on which the checks rest; the result tells which of them were replaced since.

    Args:
        objects: whose methods are watched as well: a notebook can hide them behind attributes of the object.

    Example:
        >>> replaced = watch()
        >>> replaced()
        []
    """
    spaces, codes = _remembered()
    spaces = [*spaces, *_by_holder(part for one in objects for part in _instance(one, objects))]
    # From here on nothing is looked up that a notebook could replace: all is in the variables of this call.
    every, same, each, pairs, modes, hooks = all, operator.is_, map, zip, _function_modes, _global_hooks
    differing = _differing

    def replaced() -> list[str]:
        found = modes() + hooks()
        for present, values, has_none_of, absent, parts in spaces:
            try:
                unchanged = every(each(same, present(), values)) and has_none_of(absent)
            except KeyError:
                unchanged = False
            if not unchanged:
                found += differing(parts)
        for get, functions, before, names in codes:
            if not every(each(same, each(get, functions), before)):
                found += [name for name, item, old in pairs(names, each(get, functions), before) if item is not old]
        return found

    return replaced


class _Space(NamedTuple):
    """What is watched in one module, class or object, as what compares thousands of values in less than 1 ms."""

    present: Callable[[], tuple]  # the present values of the names that it had, or a KeyError
    values: tuple
    has_none_of: Callable[[tuple], bool]
    absent: tuple[str, ...]
    parts: tuple[_Part, ...]


class _Codes(NamedTuple):
    """One attribute of every watched function, of those by which its code could be exchanged."""

    get: Callable[[FunctionType], Any]
    functions: tuple[FunctionType, ...]
    before: tuple
    names: tuple[str, ...]


@functools.cache
def _remembered() -> tuple[list[_Space], list[_Codes]]:
    """All parts, and what the functions among them are made of.

    Done once, in the process from which workers are forked.
    """
    for kind in _OPTIMIZERS:  # as the first optimizer of a class does, see torch.optim.Optimizer._patch_step_function
        step: Any = kind.step
        if not getattr(step, "hooked", False):
            step = torch.optim.Optimizer.profile_hook_step(step)
            step.hooked = True
            setattr(kind, "step", step)  # noqa: B010 - a method is no plain attribute for the type checker
    parts = list(_all_parts())
    found = {id(function): (part.name, function) for part in parts if (function := _function_of(part.value))}
    names, functions = zip(*found.values(), strict=True)
    getters = [operator.attrgetter(name) for name in ("__code__", "__defaults__", "__kwdefaults__")]
    return _by_holder(parts), [_Codes(get, functions, tuple(map(get, functions)), names) for get in getters]


def _by_holder(parts: Iterable[_Part]) -> list[_Space]:
    grouped: dict[int, list[_Part]] = {}
    for part in parts:
        grouped.setdefault(id(part.holder), []).append(part)
    spaces = []
    for group in grouped.values():
        holder = group[0].holder
        values = {part.key: part.value for part in group if part.value is not _MISSING}
        absent = tuple({part.key for part in group} - set(values))
        keys = [*values, *values][: max(2, len(values))]  # of a single key, `itemgetter` would make no tuple
        present: Callable[[], tuple] = functools.partial(operator.itemgetter(*keys), holder) if keys else tuple
        spaces.append(
            _Space(present, tuple(values[key] for key in keys), holder.keys().isdisjoint, absent, tuple(group))
        )
    return spaces


def _differing(parts: tuple[_Part, ...]) -> list[str]:
    now = [(part, part.holder.get(part.key, _MISSING)) for part in parts]
    return [part.name for part, value in now if value is not part.value and value is not part.inherited]


def _all_parts() -> Iterator[_Part]:
    yield from _named(builtins, _BUILTINS.split())
    yield from _named(torch, _TORCH.split())
    yield from _named(np, _NUMPY.split())
    yield from _named(np.random, ["default_rng"])
    yield from _named(torch.autograd, ["Function", "backward", "grad"])
    yield from _named(copy, ["copy", "deepcopy"])
    yield from _named(json, ["dumps", "loads"])
    yield from _named(nn.functional, [k for k, v in vars(nn.functional).items() if callable(v) and k[:1] != "_"])
    for cls, names in _watched_classes():
        yield from _class(cls, names)
    for space, base in ((nn, nn.Module), (torch.optim, torch.optim.Optimizer)):
        yield from _named(space, [k for k, v in vars(space).items() if isinstance(v, type) and issubclass(v, base)])
    for name in _OWN:
        if module := sys.modules.get(name):
            yield from _own(module)
    for name in ("builtins", "copy", "json", "numpy", "torch", "torch.nn", "torch.nn.functional", "torch.optim", *_OWN):
        if name in sys.modules:
            yield _Part(f"sys.modules[{name!r}]", sys.modules, name, sys.modules[name])


def _watched_classes() -> Iterator[tuple[type, set[str]]]:
    """Classes, and those of their names that are watched."""
    cls: type
    for cls in (torch.Tensor, nn.Module):
        yield cls, {*dir(cls), "__getattribute__", "__deepcopy__", "__reduce_ex__", "training"}
    for cls in (autograd_function.Function, autograd_function.FunctionCtx, autograd_function.BackwardCFunction):
        yield cls, {*dir(cls), "apply"}
    for cls in (grad_mode.no_grad, grad_mode.enable_grad, grad_mode.set_grad_enabled, grad_mode.inference_mode):
        yield cls, {"__enter__", "__exit__", "__new__", "__call__"}
    for cls in (torch.optim.Optimizer, *_OPTIMIZERS):
        yield cls, set(_OPTIMIZER.split())
    for layer in vars(nn).values():
        if isinstance(layer, type) and issubclass(layer, nn.Module):
            yield layer, {"forward"}


def _named(module: ModuleType, names: list[str]) -> Iterator[_Part]:
    for name in names:
        yield _Part(f"{module.__name__}.{name}", vars(module), name, vars(module).get(name, _MISSING))


_vars = functools.cache(vars)  # each call of `vars(cls)` makes another view of the same names


def _class(cls: type, names: set[str]) -> Iterator[_Part]:
    """Where a class finds these names now: in itself or in a base. A name that it gets anew would hide them.

    A class that gets what its base has changes nothing: so a notebook puts back what it has tried.
    """
    for name in sorted(names - _HARMLESS_IN.get(_shown(cls), set())):
        if not _HARMLESS.fullmatch(name):
            inherited = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _NOTHING)
            for base in cls.__mro__:
                value = vars(base).get(name, _MISSING)
                yield _Part(f"{_shown(base)}.{name}", _vars(base), name, value, inherited)
                if value is not _MISSING:
                    break


def _shown(cls: type) -> str:
    """The name under which a notebook knows a class."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    return re.sub(r"^torch\.nn\.modules\.\w+\.", "torch.nn.", name).replace("torch._tensor.", "torch.")


def _instance(one: Any, others: tuple) -> Iterator[_Part]:
    """The names of an object's class, which the object itself should not have, and the other objects that it holds."""
    held = [name for name, value in vars(one).items() if any(value is other for other in others)]
    for name in (*dir(type(one)), *held):
        if not name.startswith("__"):
            yield _Part(f"{type(one).__name__}.{name}", vars(one), name, vars(one).get(name, _MISSING))


def _own(module: ModuleType) -> Iterator[_Part]:
    """Everything in a module of the worker's, and in its classes."""
    yield from _named(module, [name for name in vars(module) if not name.startswith("__")])
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from _class(value, set(vars(value)))


def _function_of(value: Any) -> FunctionType | None:
    """The function whose code could be exchanged without replacing the value."""
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None


def _function_modes() -> list[str]:
    """Modes that were entered and never left, which see every call of torch's; a default device is one of its own."""
    from torch.overrides import _get_current_function_mode_stack
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    modes = [*_get_current_function_mode_stack(), *_get_current_dispatch_mode_stack()]
    return ["torch's functions (a mode that was entered)" for mode in modes if type(mode).__module__[:6] != "torch."]


def _global_hooks() -> list[str]:
    """Hooks on every network there is, so on those that a check makes, too."""
    return [
        f"every network ({name[1:]})"
        for name, hooks in vars(nn_module).items()
        if name.startswith("_global_") and name.endswith("_hooks") and isinstance(hooks, dict) and hooks
    ]
