"""Finds what a notebook has replaced among the functions that the checks rest on: in torch, in the worker, in Python.

This is no protection: code in the same interpreter can replace anything, this module too. It finds what would otherwise
pass unnoticed. Functions are compared by identity and by their code, never by their behaviour.
"""

import builtins
import contextlib
import copy
import functools
import json
import operator
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch._ops import OpOverload
from torch.autograd import function as autograd_function
from torch.autograd import grad_mode
from torch.nn.modules import module as nn_module
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils import _python_dispatch
from torch.utils._device import DeviceContext
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

_MISSING, _NO_BASE = object(), object()
_OUR_MODULES = [f"lecture_grader.{name}" for name in ("worker", "protocol", "tampering")]
_OUR_MODULES += [f"lecture_utils.grading.{name}" for name in ("namespace", "state", "values", "errors")]
_BUILTINS = """
    __build_class__ __import__ abs all any bool bytes callable dict enumerate filter float getattr hasattr id int
    isinstance issubclass iter len list map max min next object range reversed round set setattr sorted str sum super
    tuple type vars zip
"""
_TORCH = """
    Generator Size Tensor allclose arange as_tensor cat device dtype empty enable_grad equal from_numpy full
    get_default_dtype get_rng_state inference_mode is_floating_point is_grad_enabled is_inference_mode_enabled is_tensor
    isfinite no_grad ones rand randn set_grad_enabled set_rng_state stack tensor zeros
"""
_SYS = "getprofile modules setprofile settrace"
_NUMPY = "allclose array array_equal asarray ascontiguousarray ndarray"
_LAYER = """
    __call__ __deepcopy__ __getattr__ __getattribute__ __setattr__ _apply _call_impl buffers children eval forward
    load_state_dict modules named_modules named_parameters parameters register_forward_hook register_forward_pre_hook
    requires_grad_ state_dict to train training zero_grad
"""
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
    r"|gi_frame\b|getsignal\b|ctypes\.(?:pythonapi|py_object)\b|settrace|[gs]etprofile|__build_class__"
    r"|__closure__|cell_contents|_disable_current_modes\b|DisableTorch\w+|inference_mode\((?:mode=)?False|start_new_thread\b"
    r"|_forward_(?:pre_)?hooks\b|torch\.library\b|_dispatch_library\b|custom_op\b|initial_seed\b"
    r"|torch(?:\.| import )_C\b|_python_dispatch\b"
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
    spaces = [*spaces, *_as_spaces(part for one in objects for part in _parts_of_object(one))]
    codes = [*codes, _classes_of(objects)]
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
        for get, owners, before, names in codes:
            try:
                unchanged = every(each(same, each(get, owners), before))
            except ValueError:  # a closure's variable has been deleted
                found.append("what a function keeps in its closure")
                continue
            if not unchanged:
                found += [name for name, item, old in pairs(names, each(get, owners), before) if item is not old]
        return found

    return replaced


class _Space(NamedTuple):
    """What is watched in one module, class or object, in a form that compares 5,000 values in 1.5 ms."""

    present: Callable[[], tuple]  # the present values of the names that it had; KeyError if one is missing
    values: tuple
    has_none_of: Callable[[frozenset], bool]
    absent: frozenset[str]  # a set, or each of its names would be looked up, even in a small class
    parts: tuple[_Part, ...]


class _Codes(NamedTuple):
    """One thing through which code can be replaced, such as the attribute ``__code__`` of every watched function."""

    get: Callable[[Any], Any]
    owners: tuple
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
    found = _functions_among(parts)
    parts += [part for _, function in found.values() for part in _globals_of(function)]
    found |= _functions_among(parts)
    names, functions = zip(*found.values(), strict=True)
    getters = [operator.attrgetter(name) for name in ("__code__", "__defaults__", "__kwdefaults__")]
    codes = [_Codes(get, functions, tuple(map(get, functions)), names) for get in getters]
    cells = [(name, cell) for name, function in found.values() for cell in _closure_of(function)]
    cell_names, cells_of_all = zip(*cells, strict=True)
    contents = operator.attrgetter("cell_contents")
    codes.append(_Codes(contents, cells_of_all, tuple(map(contents, cells_of_all)), cell_names))
    return _as_spaces(parts), [*codes, _classes_of((*_watched_modules(), *_watched_classes()))]


def _functions_among(parts: list[_Part]) -> dict[int, tuple[str, FunctionType]]:
    """The Python functions among the values, and those which the others keep in their closures, with their names."""
    found: dict[int, tuple[str, FunctionType]] = {}
    waiting = [(part.name, part.value) for part in parts if part.value is not _MISSING]
    while waiting:
        name, value = waiting.pop()
        function = _function_of(value)
        if function and id(function) not in found:
            found[id(function)] = name, function
            waiting += [(name, cell.cell_contents) for cell in _closure_of(function)]
    return found


def _globals_of(function: FunctionType) -> Iterator[_Part]:
    """The functions, classes and modules that a function looks up by a global name."""
    space = function.__globals__
    for key in function.__code__.co_names:
        value = space.get(key)
        if callable(value) or isinstance(value, ModuleType):
            yield _Part(f"{space['__name__']}.{key}", space, key, value)


def _closure_of(function: FunctionType) -> list[Any]:
    """The cells of a function's closure that hold something."""
    cells = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):
            cells.append((cell, cell.cell_contents))
    return [cell for cell, _ in cells]


def _classes_of(owners: tuple) -> _Codes:
    """The classes of modules, classes and objects, since another class can give them other attributes."""
    names = tuple(f"the class of {getattr(one, '__name__', type(one).__name__)}" for one in owners)
    return _Codes(type, owners, tuple(map(type, owners)), names)


def _as_spaces(parts: Iterable[_Part]) -> list[_Space]:
    grouped: dict[int, dict[str, _Part]] = {}
    for part in parts:
        grouped.setdefault(id(part.holder), {}).setdefault(part.key, part)
    spaces = []
    for group in grouped.values():
        holder = next(iter(group.values())).holder
        values = {key: part.value for key, part in group.items() if part.value is not _MISSING}
        absent = frozenset(group.keys() - values.keys())
        keys = [*values, *values][: max(2, len(values))]  # with a single key, `itemgetter` would return no tuple
        present: Callable[[], tuple] = functools.partial(operator.itemgetter(*keys), holder) if keys else tuple
        before = tuple(values[key] for key in keys)
        spaces.append(_Space(present, before, holder.keys().isdisjoint, absent, tuple(group.values())))
    return spaces


def _differing(parts: tuple[_Part, ...]) -> list[str]:
    now = [(part, part.holder.get(part.key, _MISSING)) for part in parts]
    return [part.name for part, value in now if value is not part.value and value is not part.inherited]


def _all_parts() -> Iterator[_Part]:
    for module, module_names in _watched_modules().items():
        yield from _parts_named(module, module_names)
        yield _Part(f"sys.modules[{module.__name__!r}]", sys.modules, module.__name__, module)
    for cls, names in _watched_classes().items():
        yield from _parts_of_class(cls, names)
    yield from _parts_named(OpOverload, ["__str__", "__call__"])  # of its text, a check makes a list
    for module in _our_modules():
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield from _parts_of_class(value, set(vars(value)))


def _our_modules() -> list[ModuleType]:
    return [sys.modules[name] for name in _OUR_MODULES if name in sys.modules]


def _watched_modules() -> dict[ModuleType, list[str]]:
    """Modules, and those of their names that are watched."""
    of_torch = [*_TORCH.split(), *(k for k, v in vars(torch).items() if isinstance(v, BuiltinFunctionType))]
    functions = [k for k, v in vars(nn.functional).items() if callable(v) and k[:1] != "_"]
    layers, optimizers = (
        [k for k, v in vars(space).items() if isinstance(v, type) and issubclass(v, base)]
        for space, base in ((nn, nn.Module), (torch.optim, torch.optim.Optimizer))
    )
    return {
        builtins: _BUILTINS.split(),
        sys: _SYS.split(),
        threading: ["Event", "Thread", "getprofile", "setprofile"],
        copy: ["copy", "deepcopy"],
        json: ["dumps", "loads"],
        np: _NUMPY.split(),
        np.random: ["default_rng"],
        torch: of_torch,
        torch.autograd: ["Function", "backward", "grad"],
        nn: layers,
        nn.functional: functions,
        nn_module: [k for k in vars(nn_module) if k.startswith("_global_")],
        torch.optim: optimizers,
        _python_dispatch: ["TorchDispatchMode"],
    } | {module: [name for name in vars(module) if not name.startswith("__")] for module in _our_modules()}


def _watched_classes() -> dict[type, set[str]]:
    """Classes, and those of their names that are watched."""
    found: dict[type, set[str]] = {}
    cls: type
    for cls in (torch.Tensor, nn.Module):
        found[cls] = {*dir(cls), "__getattribute__", "__deepcopy__", "__reduce_ex__", "training"}
    for cls in (autograd_function.Function, autograd_function.FunctionCtx, autograd_function.BackwardCFunction):
        found[cls] = {*dir(cls), "apply"}
    for cls in (grad_mode.no_grad, grad_mode.enable_grad, grad_mode.set_grad_enabled, grad_mode.inference_mode):
        found[cls] = {"__enter__", "__exit__", "__new__", "__call__"}
    for cls in (DeviceContext, TorchDispatchMode, TorchFunctionMode):
        found[cls] = set(vars(cls))
    for cls in (torch.optim.Optimizer, *_OPTIMIZERS):
        found[cls] = set(_OPTIMIZER.split())
    # Each layer could get a method that hides the one of `nn.Module`.
    layers = [v for v in vars(nn).values() if isinstance(v, type) and issubclass(v, nn.Module) and v is not nn.Module]
    return found | {layer: set(_LAYER.split()) for layer in layers}


def _parts_named(space: ModuleType | type, names: list[str]) -> Iterator[_Part]:
    for name in names:
        yield _Part(f"{space.__name__}.{name}", _vars(space), name, vars(space).get(name, _MISSING))


_is_harmless = functools.cache(_HARMLESS.fullmatch)
_vars = functools.cache(vars)  # without the cache, each call of `vars(cls)` makes a new view


def _parts_of_class(cls: type, names: set[str]) -> Iterator[_Part]:
    """The values of these names in a class, and in the bases up to the one that has them: a new name would hide that.

    A class may get the value that its base has, which changes nothing: that is how a notebook undoes an experiment.
    """
    for name in sorted(names - _HARMLESS_IN.get(_public_name(cls), set())):
        if not _is_harmless(name):
            inherited = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _NO_BASE)
            for base in cls.__mro__:
                value = vars(base).get(name, _MISSING)
                yield _Part(f"{_public_name(base)}.{name}", _vars(base), name, value, inherited)
                if value is not _MISSING:
                    break


@functools.cache
def _public_name(cls: type) -> str:
    """The name under which a notebook knows a class."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    return re.sub(r"^torch\.nn\.modules\.\w+\.", "torch.nn.", name).replace("torch._tensor.", "torch.")


def _parts_of_object(one: Any) -> Iterator[_Part]:
    """The names of an object's class, which the object itself should not have, and the objects that it keeps."""
    # A Worker's flags, its list of cells and its last error change while it works.
    held = [name for name, value in vars(one).items() if not isinstance(value, (bool, list, NoneType))]
    for name in (*dir(type(one)), *held):
        if not name.startswith("__"):
            yield _Part(f"{type(one).__name__}.{name}", vars(one), name, vars(one).get(name, _MISSING))


def _function_of(value: Any) -> FunctionType | None:
    """The function whose code could be replaced without replacing the value; None if there is none."""
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    value = value.fget if isinstance(value, property) else value
    return value if isinstance(value, FunctionType) else None


def _function_modes() -> list[str]:
    """Modes that were entered and not left, which see every call of torch; a default device is one of torch's own."""
    modes = [*_get_current_function_mode_stack(), *_get_current_dispatch_mode_stack()]
    return ["torch's functions (a mode that was entered)" for mode in modes if type(mode) is not DeviceContext]


def _global_hooks() -> list[str]:
    """Hooks on all networks, and so on those that a check makes."""
    return [
        f"every network ({name[1:]})"
        for name, hooks in vars(nn_module).items()
        if name.startswith("_global_") and name.endswith("_hooks") and isinstance(hooks, dict) and dict.__len__(hooks)
    ]
