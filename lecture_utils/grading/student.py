"""The interface through which a check reaches a student's objects."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lecture_utils.grading.compare import describe, equal
from lecture_utils.grading.errors import TOO_LONG, CheckError, CheckFailed, GraderError, StudentError
from lecture_utils.grading.hints import IN_PLACE_HINT
from lecture_utils.grading.namespace import Namespace
from lecture_utils.grading.values import Code, Handle


class Student:
    """What a check may do with a student's work, which may be in another process.

    Only plain data is exchanged: tensors (which arrive on the CPU, detached), NumPy arrays, numbers, strings, ``None``,
    ``torch.dtype``, ``torch.device``, and lists, tuples and dicts of these. Any other object stays where it is; the
    check gets a :class:`~lecture_utils.grading.values.Handle` of it, which it may pass to further calls.

    Attributes:
        case: a description of the case, set by the check and shown if the case fails. A part after `` | ``, such as
            the value of an input, is left out for hidden cases.
        got_something: whether the check has received anything from the student's code in this case.

    >>> def check(student, rng, case):
    ...     student.case = f"case {case}"
    ...     expect(student.call("double", 3.0), 6.0)
    ...     network = student.module("model")
    ...     expect(network.forward(torch.zeros(1, 4)), torch.zeros(1, 2))
    """

    case = ""
    got_something = False
    part_names: Sequence[str] = ()
    parts_entered: set[str] = set()  # noqa: RUF012, this and the next are replaced before each case
    part_failures: dict[str, Exception] = {}  # noqa: RUF012
    stopped_parts: set[str] = set()  # noqa: RUF012, replaced before each task: what took too long is not tried again
    passed = 0  # cases of the task, so far
    _stopped = False
    _awaited: Sequence[Handle] = ()  # the arguments of the current call that the function could change

    def note_failure(self) -> None:
        """Called when the first case has failed, before further ones are run."""

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of a task with partial credit: what fails in the block costs this part's points only.

        The check goes on after the block, without the names that the rest of the block would have bound.

        Args:
            name: one of the task's ``parts``.

        Raises:
            CheckError: the task has no such part.

        >>> def check(student, rng, case):
        ...     result = student.call("standardise", torch.ones(3, 2))
        ...     with student.part("shape"):
        ...         expect(result.shape, (3, 2))
        ...     with student.part("values"):
        ...         expect(result, torch.zeros(3, 2))
        """
        if name not in self.part_names:
            raise CheckError(f"the task has no part {name!r}, only {', '.join(self.part_names) or 'the whole'}")
        self.parts_entered.add(name)
        self._stopped = name in self.stopped_parts
        try:
            yield
        except (GraderError, CheckError):
            raise
        except Exception as error:
            self.part_failures.setdefault(name, error)
            if isinstance(error, StudentError) and error.kind in TOO_LONG:
                self.stopped_parts.add(name)
        finally:
            self._stopped = False

    def value(self, name: str) -> Any:
        """The value of a global name: plain data, or a handle.

        Raises:
            NotAttempted: the name does not exist, or its value is still ``...``.
        """
        raise NotImplementedError

    def call(
        self, function: str | Code | Handle | Callable, *args: Any, keep: bool = False, modifies: bool = False, **kwargs
    ) -> Any:
        """Call a function in the student's process.

        Args:
            function: the name or a handle of a student's function; or a function of the check, whose source is sent,
                see :meth:`define`.
            args, kwargs: copies of them are passed.
            keep: return a handle of the result, even if it is plain data.
            modifies: the function may change its arguments.

        Raises:
            NotAttempted: the function does not exist, or it reached a stub: a NotImplementedError without a message,
                or with one that begins with "Task ".
            StudentError: it raised another exception.
            CheckFailed: it changed an argument, and ``modifies`` is False.
        """
        if self._stopped:
            raise StudentError("TimeoutError", "it took too long in an earlier case")
        if callable(function):
            function = Code.of(function)
        self.got_something = self.got_something or not keep
        # Arguments that the function could change are placed first, and fetched afterwards by their handles: the
        # function cannot replace what a handle names.
        places = {name: value for name, value in [*enumerate(args, 1), *kwargs.items()] if _can_change(value)}
        placed = {} if modifies else {name: self.put(value) for name, value in places.items()}
        given = [placed.get(number, value) for number, value in enumerate(args, 1)]
        self._awaited = list(placed.values())
        result = self._call(function, given, kwargs | {k: placed[k] for k in kwargs if k in placed}, keep)
        after = self._fetch() if placed else []
        if not isinstance(after, list) or len(after) != len(placed):
            raise StudentError("TypeError", "the arguments of the call cannot be looked at")
        for name, value in zip(placed, after, strict=True):
            if not equal(places[name], value):
                which = f"number {name}" if isinstance(name, int) else f"{name!r}"
                raise CheckFailed(f"The function changed its argument {which}.", IN_PLACE_HINT, kind="in place")
        return result

    def _call(self, function: str | Code | Handle, args: list, kwargs: dict, keep: bool) -> Any:
        """See :meth:`~lecture_utils.grading.namespace.Namespace.call`."""
        raise NotImplementedError

    def _fetch(self) -> Any:
        """The placed arguments of the current call, as they are now."""
        return self.get(list(self._awaited))

    def seen(self, log: Handle, what: str, hint: str = "Call it, and work with what it returns.") -> list:
        """The entries that functions of the check have made in a log, a list in the student's process.

        Args:
            log: a list placed with :meth:`put` and passed to the functions that make entries.
            what: what should have been called, the beginning of the message: ``"The model"``.
            hint: what to do if it was not.

        Raises:
            CheckFailed: the log is empty, so what the check wants to watch was not called, or not watched.

        >>> log = student.put([])  # doctest: +SKIP
        >>> model = student.call(watched_network, log, keep=True)  # doctest: +SKIP
        >>> student.call("accuracy", model, images, labels)  # doctest: +SKIP
        >>> calls = student.seen(log, "The model")  # doctest: +SKIP
        """
        noted = self.get(log)
        if not isinstance(noted, list) or not noted:
            raise CheckFailed(f"{what} was not called.", hint)
        return noted

    def define(self, function: Callable, *helpers: Callable) -> Handle:
        """Define a function of the check, and the helpers that it calls, in the student's process.

        Their source is sent; :class:`~lecture_utils.grading.values.Code` says which names they can use.
        """
        return self.put(Code.of(function, *helpers))

    def put(self, value: Any) -> Handle:
        """Place a copy of plain data, or the value of a :class:`Code`, in the student's process."""
        return self.call(_identity, value, keep=True, modifies=True)

    def get(self, handle: Handle | list[Handle]) -> Any:
        """The present value of an object: plain data, or again a handle. A list of handles gives a list."""
        return self.call(_identity, handle, modifies=True)

    def module(self, target: str | Handle) -> "Module":
        """A network, by its global name or a handle.

        Raises:
            CheckFailed: it is not an ``nn.Module``.
        """
        handle = target if isinstance(target, Handle) else self.value(target)
        if not isinstance(handle, Handle) or self.call(_is_module, handle) is not True:
            kind, got = (handle.kind,) * 2 if isinstance(handle, Handle) else (type(handle).__name__, describe(handle))
            hint = _NO_MODULE.get(kind, "nn.Sequential(...) makes one.")
            raise CheckFailed("This must be a network, an nn.Module.", hint, got=got, kind="type")
        return Module(self, handle)


class Module:
    """A student's network. ``forward`` and ``train_steps`` work on a copy of it.

    >>> student.module("model").layers[0]  # doctest: +SKIP
    ('0', 'Linear', 'in_features=64, out_features=32, bias=True')
    """

    def __init__(self, student: Student, handle: Handle):
        self.student = student
        self.handle = handle

    @property
    def layers(self) -> list[tuple[str, str, str]]:
        """Name, class and settings (``extra_repr``) of each layer that contains no other layer."""
        return self.student.call(_layers, self.handle)

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """Trainable parameters by name."""
        return self.student.call(_trainable, self.handle)

    @property
    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters and buffers by name."""
        return self.student.call(_state_dict, self.handle)

    @property
    def training(self) -> bool:
        """Whether the network is in training mode."""
        return self.student.call(_training, self.handle)

    def forward(self, *inputs: Any, training: bool = False) -> Any:
        """The outputs for some inputs, without gradients, in evaluation mode unless ``training``."""
        return self.student.call(Code.of(_forward, copy_network), self.handle, inputs, training)

    def train_steps(
        self, batches: Sequence[tuple], loss: str = "cross_entropy", optimizer: str = "SGD", lr: float = 0.1
    ) -> list[float]:
        """Train a copy, one step for each batch, and return the loss of each step.

        Args:
            batches: pairs of inputs and targets, as the network and the loss take them.
            loss: the name of a function of ``torch.nn.functional``.
            optimizer: the name of a class of ``torch.optim``.
            lr: its learning rate.
        """
        train = Code.of(_train_steps, copy_network)
        return self.student.call(train, self.handle, list(batches), loss, optimizer, lr)


class LiveStudent(Student):
    """The student's objects in this process, under the notebook's global names."""

    def __init__(self, names: dict[str, Any]):
        self._namespace = Namespace(names)
        self._device = torch.get_default_device()  # the notebook's: while a check runs, the default is the CPU

    def value(self, name: str) -> Any:
        self.got_something = True
        return self._namespace.value(name)

    def _call(self, function: Any, args: list, kwargs: dict, keep: bool) -> Any:
        with contextlib.ExitStack() as stack:
            if self._device.type != "cpu":
                stack.enter_context(self._device)
            if torch.cuda.is_initialized():  # by default cuDNN rounds to TF32, three digits
                stack.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
            return self._namespace.call(function, copy.deepcopy(args), copy.deepcopy(kwargs), keep)


def _can_change(value: Any) -> bool:
    """Whether a function could change a value that is passed to it. What a handle names, the check compares itself."""
    return isinstance(value, (torch.Tensor, np.ndarray, list, dict, tuple))


_NO_MODULE = {
    "type": "It is a class: call it, Net(), to make a network.",
    "OrderedDict": "That is what state_dict() returns: the network itself is wanted.",
    "dict": "That is a dict: the network itself is wanted, not its state_dict().",
    "tuple": "That is a tuple: the network alone is wanted, without a comma or a second value behind it.",
    "list": "That is a list of layers: nn.Sequential(*layers) makes a network of them.",
}

# The source of the functions below is sent to the student's process.


def _identity(value):
    return value


def _is_module(value):
    return isinstance(value, nn.Module)


def _layers(module):
    leaves = [(name, layer) for name, layer in module.named_modules() if not list(layer.children())]
    return [(name, type(layer).__name__, layer.extra_repr()) for name, layer in leaves]


def _trainable(module):
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def _state_dict(module):
    return dict(module.state_dict())


def _training(module):
    return module.training


def copy_network(module):
    """Copy a network. ``copy.deepcopy`` alone fails if it keeps a tensor with a history, such as an activation.

    >>> network = nn.Linear(2, 1)
    >>> network.kept = network(torch.ones(1, 2))
    >>> copy_network(network).kept.requires_grad
    False
    """
    copies, seen = {}, set()
    waiting = [vars(layer) for layer in module.modules()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor) and not value.is_leaf:
            copies[id(value)] = value.detach().clone()
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value
    return copy.deepcopy(module, copies)


def call_and_list_functions(function, *args, **kwargs):
    """Call a function; return its result, and the file and name of each Python function that it called, in any thread.

    Raises:
        ValueError: it used Python's profiler itself, so it cannot be seen what it called.

    >>> result, called = call_and_list_functions(F.relu, torch.ones(1))
    >>> called[0][0].endswith("functional.py"), called[0][1]
    (True, 'relu')
    """
    import sys
    import threading

    seen, used = set(), []
    profilers = sys.getprofile, sys.setprofile, getattr(sys, "_setprofileallthreads", None)  # the last since 3.12

    def note(frame, event, argument):
        seen.add((frame.f_code.co_filename, frame.f_code.co_name))
        if event == "c_call" and argument in profilers:
            used.append(argument)

    before = sys.getprofile(), threading.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        result = function(*args, **kwargs)
        unseen = bool(used) or sys.getprofile() is not note
    finally:
        sys.setprofile(before[0])
        threading.setprofile(before[1])
    if unseen:
        raise ValueError("sys.setprofile was used, so it cannot be seen which functions are called: leave it out")
    return result, sorted(seen)


def _forward(module, inputs, training):
    module = copy_network(module).train(training)
    for layer in module.modules():
        if isinstance(layer, nn.RNNBase):
            layer.flatten_parameters()  # cuDNN warns unless they lie in one piece of memory
    device = next((parameter.device for parameter in module.parameters()), torch.get_default_device())
    with torch.no_grad():
        return module(*(x.to(device) if isinstance(x, torch.Tensor) else x for x in inputs))


def _train_steps(module, batches, loss, optimizer, lr):
    module = copy_network(module).train()
    device = next((parameter.device for parameter in module.parameters()), torch.get_default_device())
    steps = getattr(torch.optim, optimizer)(module.parameters(), lr=lr)
    losses = []
    for inputs, targets in batches:
        value = getattr(F, loss)(module(inputs.to(device)), targets.to(device))
        steps.zero_grad()
        value.backward()
        steps.step()
        losses.append(value.item())
    return losses
