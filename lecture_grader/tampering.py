"""Finds what a notebook has replaced among the functions that the checks rest on: in torch, in the worker, in Python.

This is no protection: code in the same interpreter can replace anything, this module too. It finds what would otherwise
pass unnoticed. Functions are compared by identity and by their code, never by their behaviour.
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

_MISSING, _NO_BASE = object(), object()
_OUR_MODULES = [f"lecture_grader.{name}" for name in ("worker", "protocol", "tampering")]
_OUR_MODULES += [f"lecture_utils.grading.{name}" for name in ("namespace", "state", "values", "errors")]
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
# Libraries and teachers change how objects are displayed and how layers are initialised; no check rests on that.
_HARMLESS = re.compile(
    r"__(init|repr|str|format|dir|doc|module|annotations|dict|weakref|hash|init_subclass)__|_repr_.*"
)
_HARMLESS_IN = {
    "torch.Tensor": {"T", "H", "mT", "mH", "ndim"},
    "torch.nn.Module": {"extra_repr", "forward", "compile", "__new__", "__setstate__"},  # torch.compile replaces two
}

# Names that no task needs. A student who uses one may only be curious, so this is a hint for the instructor.
_INSIDE_NAMES = re.compile(
    r"lecture_utils\.grading|lecture_utils import grading|lecture_grader|lecture_checks|get_objects\b|get_referrers\b"
    r"|get_referents\b|_getframe\b|_current_frames\b|currentframe\b|inspect\.stack\b|f_back\b|f_locals\b|tb_frame\b"
    r"|gi_frame\b|getsignal\b|ctypes\.(?:pythonapi|py_object)\b|sys\.settrace\b|sys\.setprofile\b"
    r"|__closure__|cell_contents|_disable_current_modes\b|DisableTorch\w+|inference_mode\((?:mode=)?False|start_new_thread\b"
    r"|_forward_(?:pre_)?hooks\b|torch\.library\b|initial_seed\b"
)


class _Part(NamedTuple):
    """One function, class or value that should not change, except to what a base of its class has."""

    name: str
    holder: Mapping[str, Any]
    key: str
    value: Any
    inherited: Any = _NO_BASE


def names_of_the_inside(source: str) -> list[str]:
    """The names in a cell's source that lead into the grader or around Python's scopes, each once, sorted.

    Example:
        >>> names_of_the_inside("import gc; gc.get_objects()")
        ['get_objects']
    """
    return sorted(set(_INSIDE_NAMES.findall(source)))


def watch(*objects: Any) -> Callable[[], list[str]]:
    """Remember the functions on which the checks rest.

    Args:
        objects: their methods are watched as well, which a notebook can hide behind attributes of the same name.

    Returns:
        A function that returns the names of what has been replaced since.

    Example:
        >>> replaced = watch()
        >>> replaced()
        []
    """
    spaces, codes = _spaces_and_codes()
    spaces = [*spaces, *_as_spaces(part for one in objects for part in _parts_of_object(one, objects))]
    # The function below uses local variables only, since a notebook can replace whatever is looked up elsewhere.
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
    """What is watched in one module, class or object, in a form that compares thousands of values in less than 1 ms."""

    present: Callable[[], tuple]  # the present values of the names that it had; KeyError if one is missing
    values: tuple
    has_none_of: Callable[[tuple], bool]
    absent: tuple[str, ...]
    parts: tuple[_Part, ...]


class _Codes(NamedTuple):
    """One attribute through which code can be replaced, of every watched function."""

    get: Callable[[FunctionType], Any]
    functions: tuple[FunctionType, ...]
    before: tuple
    names: tuple[str, ...]


@functools.cache
def _spaces_and_codes() -> tuple[list[_Space], list[_Codes]]:
    """All that is watched but the objects given to :func:`watch`, and the code of the functions among it.

    It is found once, in the process from which workers are forked.
    """
    for kind in _OPTIMIZERS:  # as the class's first instance does, see torch.optim.Optimizer._patch_step_function
        step: Any = kind.step
        if not getattr(step, "hooked", False):
            step = torch.optim.Optimizer.profile_hook_step(step)
            step.hooked = True
            setattr(kind, "step", step)  # noqa: B010 - a method is no plain attribute for the type checker
    parts = list(_all_parts())
    found = {id(function): (part.name, function) for part in parts if (function := _function_of(part.value))}
    names, functions = zip(*found.values(), strict=True)
    getters = [operator.attrgetter(name) for name in ("__code__", "__defaults__", "__kwdefaults__")]
    return _as_spaces(parts), [_Codes(get, functions, tuple(map(get, functions)), names) for get in getters]


def _as_spaces(parts: Iterable[_Part]) -> list[_Space]:
    grouped: dict[int, list[_Part]] = {}
    for part in parts:
        grouped.setdefault(id(part.holder), []).append(part)
    spaces = []
    for group in grouped.values():
        holder = group[0].holder
        values = {part.key: part.value for part in group if part.value is not _MISSING}
        absent = tuple({part.key for part in group} - set(values))
        keys = [*values, *values][: max(2, len(values))]  # with a single key, `itemgetter` would return no tuple
        present: Callable[[], tuple] = functools.partial(operator.itemgetter(*keys), holder) if keys else tuple
        spaces.append(
            _Space(present, tuple(values[key] for key in keys), holder.keys().isdisjoint, absent, tuple(group))
        )
    return spaces


def _differing(parts: tuple[_Part, ...]) -> list[str]:
    now = [(part, part.holder.get(part.key, _MISSING)) for part in parts]
    return [part.name for part, value in now if value is not part.value and value is not part.inherited]


def _all_parts() -> Iterator[_Part]:
    yield from _parts_named(builtins, _BUILTINS.split())
    yield from _parts_named(torch, _TORCH.split())
    yield from _parts_named(np, _NUMPY.split())
    yield from _parts_named(np.random, ["default_rng"])
    yield from _parts_named(torch.autograd, ["Function", "backward", "grad"])
    yield from _parts_named(copy, ["copy", "deepcopy"])
    yield from _parts_named(json, ["dumps", "loads"])
    yield from _parts_named(nn.functional, [k for k, v in vars(nn.functional).items() if callable(v) and k[:1] != "_"])
    for cls, names in _watched_classes():
        yield from _parts_of_class(cls, names)
    for space, base in ((nn, nn.Module), (torch.optim, torch.optim.Optimizer)):
        classes = [k for k, v in vars(space).items() if isinstance(v, type) and issubclass(v, base)]
        yield from _parts_named(space, classes)
    for name in _OUR_MODULES:
        if module := sys.modules.get(name):
            yield from _parts_of_module(module)
    modules = "builtins copy json numpy torch torch.nn torch.nn.functional torch.optim"
    for name in (*modules.split(), *_OUR_MODULES):
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


def _parts_named(module: ModuleType, names: list[str]) -> Iterator[_Part]:
    for name in names:
        yield _Part(f"{module.__name__}.{name}", vars(module), name, vars(module).get(name, _MISSING))


_vars = functools.cache(vars)  # without the cache, each call of `vars(cls)` makes a new view


def _parts_of_class(cls: type, names: set[str]) -> Iterator[_Part]:
    """The values of these names in a class, and in the bases up to the one that has them: a new name would hide that.

    A class may get the value that its base has, which changes nothing: that is how a notebook undoes an experiment.
    """
    for name in sorted(names - _HARMLESS_IN.get(_public_name(cls), set())):
        if not _HARMLESS.fullmatch(name):
            inherited = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _NO_BASE)
            for base in cls.__mro__:
                value = vars(base).get(name, _MISSING)
                yield _Part(f"{_public_name(base)}.{name}", _vars(base), name, value, inherited)
                if value is not _MISSING:
                    break


def _public_name(cls: type) -> str:
    """The name under which a notebook knows a class."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    return re.sub(r"^torch\.nn\.modules\.\w+\.", "torch.nn.", name).replace("torch._tensor.", "torch.")


def _parts_of_object(one: Any, others: tuple) -> Iterator[_Part]:
    """The names of an object's class, which the object itself should not have, and watched objects that it holds."""
    held = [name for name, value in vars(one).items() if any(value is other for other in others)]
    for name in (*dir(type(one)), *held):
        if not name.startswith("__"):
            yield _Part(f"{type(one).__name__}.{name}", vars(one), name, vars(one).get(name, _MISSING))


def _parts_of_module(module: ModuleType) -> Iterator[_Part]:
    """Everything in a module that the worker uses, and in its classes."""
    yield from _parts_named(module, [name for name in vars(module) if not name.startswith("__")])
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from _parts_of_class(value, set(vars(value)))


def _function_of(value: Any) -> FunctionType | None:
    """The function whose code could be replaced without replacing the value; None if there is none."""
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None


def _function_modes() -> list[str]:
    """Modes that were entered and not left, which see every call of torch; a default device is one of torch's own."""
    from torch.overrides import _get_current_function_mode_stack
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    modes = [*_get_current_function_mode_stack(), *_get_current_dispatch_mode_stack()]
    return ["torch's functions (a mode that was entered)" for mode in modes if type(mode).__module__[:6] != "torch."]


def _global_hooks() -> list[str]:
    """Hooks on all networks, and so on those that a check makes."""
    return [
        f"every network ({name[1:]})"
        for name, hooks in vars(nn_module).items()
        if name.startswith("_global_") and name.endswith("_hooks") and isinstance(hooks, dict) and hooks
    ]
