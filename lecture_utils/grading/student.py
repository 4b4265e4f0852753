"""The interface through which a check reaches a student's objects."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch

from lecture_utils.grading.compare import describe, equal
from lecture_utils.grading.errors import CheckFailed
from lecture_utils.grading.namespace import Namespace
from lecture_utils.grading.values import Code, Handle


class Student:
    """What a check may do with a student's work. Plain data goes in, plain data comes out.

    Plain are tensors (they arrive on the CPU, detached), NumPy arrays, numbers, strings, ``None``,
    ``torch.dtype``, ``torch.device``, and lists, tuples and dicts of these. Anything else stays
    where it is and arrives as a :class:`Handle`, which may be an argument of further calls.

    Set ``student.case`` to a few words on the case being tried: they are shown if it fails. What
    stands behind `` | `` in them, such as the value of an input, is left out for held-out cases.
    """

    case = ""

    def value(self, name: str) -> Any:
        """The value of a global name.

        Raises:
            NotAttempted: there is no such name, or it still is ``...``.
        """
        raise NotImplementedError

    def call(
        self,
        function: "str | Code | Handle | Callable",
        *args: Any,
        keep: bool = False,
        modifies: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call a function of the student's, by its name, or a function of ours.

        Args:
            function: the name of a function of the student's; a :class:`Handle` of one; or a function of ours, which is
                sent by its source, see :meth:`define`.
            args, kwargs: copies of them are passed.
            keep: leave the result where it is and return a handle of it, even if it is plain.
            modifies: the function may change its arguments.

        Raises:
            NotAttempted: the function does not exist, or a stub in it was reached: a NotImplementedError that says
                nothing, or "Task ...".
            StudentError: it raised something else.
            CheckFailed: it changed an argument although it must not.
        """
        if callable(function):
            function = Code.of(function)
        result, after = self._call(function, args, kwargs, keep, not modifies)
        for number, (before, now) in enumerate(zip([] if modifies else args, after, strict=True), 1):
            if not isinstance(before, Handle) and not equal(before, now):
                raise CheckFailed(
                    f"The function changed its argument number {number}.",
                    "An operation in place (x += 1, x[...] = 0, or a name that ends in _) changes the caller's tensor: "
                    "make a new tensor, or work on x.clone().",
                )
        return result

    def _call(
        self, function: "str | Code | Handle", args: tuple, kwargs: dict, keep: bool, back: bool
    ) -> tuple[Any, list]:
        """The result, and if ``back`` the positional arguments as they are afterwards (handles as they were)."""
        raise NotImplementedError

    def define(self, function: Callable, *helpers: Callable) -> Handle:
        """Send a function of ours to the student's process, to be called there or passed as an argument.

        Args:
            function: defined with ``def`` at the top level of the file of checks, without a closure. It travels as
                source, so the student can read it. It sees ``torch``, ``nn``, ``F``, ``np`` and ``copy``, and has to
                import anything else in its body.
            helpers: further functions of that kind, which it calls by name.

        Example:
            >>> def count(network):
            ...     return sum(p.numel() for p in network.parameters())
            >>> counted = student.define(count)  # doctest: +SKIP
            >>> student.call(counted, student.value("model"))  # doctest: +SKIP
        """
        return self.put(Code.of(function, *helpers))

    def put(self, value: Any) -> Handle:
        """Place a copy of plain data, or the value of some :class:`Code`, in the student's process."""
        if isinstance(value, Code):
            return self.call(Code("lambda code: code"), value, keep=True)
        return self.call(Code("lambda value: value"), value, keep=True, modifies=True)

    def get(self, handle: Handle) -> Any:
        """What an object is now: plain data, or again a handle."""
        return self.call(Code("lambda value: value"), handle)

    def module(self, target: "str | Handle") -> "Module":
        """A network: a global name, or a handle that a call returned.

        Raises:
            NotAttempted: no such name.
            CheckFailed: it is no ``nn.Module``.
        """
        handle = target if isinstance(target, Handle) else self.value(target)
        is_module = "lambda m: isinstance(m, nn.Module)"
        if not isinstance(handle, Handle) or self.call(Code(is_module), handle) is not True:
            got = handle.kind if isinstance(handle, Handle) else describe(handle)
            raise CheckFailed("This must be a network, an nn.Module.", "nn.Sequential(...) makes one.", got=got)
        return Module(self, handle)


class Module:
    """A network of the student's: every method works on a copy, but ``forward``'s buffers."""

    def __init__(self, student: Student, handle: Handle):
        self.student, self.handle = student, handle

    def _ask(self, expression: str, *args: Any) -> Any:
        return self.student.call(Code(expression), self.handle, *args)

    @property
    def layers(self) -> list[tuple[str, str, str]]:
        """Name, class and settings (``extra_repr``) of each layer that holds no other layer."""
        leaves = "[(n, type(l).__name__, l.extra_repr()) for n, l in m.named_modules() if not list(l.children())]"
        return self._ask(f"lambda m: {leaves}")

    @property
    def parameters(self) -> dict[str, torch.Tensor]:
        """Trainable parameters by name."""
        return self._ask("lambda m: {n: p for n, p in m.named_parameters() if p.requires_grad}")

    @property
    def state_dict(self) -> dict[str, torch.Tensor]:
        return self._ask("lambda m: dict(m.state_dict())")

    @property
    def training(self) -> bool:
        """Whether it is in training mode."""
        return self._ask("lambda m: m.training")

    def forward(self, *inputs: Any, training: bool = False) -> Any:
        """Outputs for inputs, without gradients, in evaluation mode unless ``training``."""
        return self._ask(f"lambda m, *x: run_module(m, x, {training!r})", *inputs)

    def train_steps(
        self, batches: Sequence[tuple], loss: str = "cross_entropy", optimizer: str = "SGD", lr: float = 0.1
    ) -> list[float]:
        """Loss of each step of training a copy: ``loss`` of ``torch.nn.functional``."""
        return self._ask(f"lambda m, b: train_module(m, b, {loss!r}, {optimizer!r}, {lr!r})", list(batches))


class LiveStudent(Student):
    """The student's objects in this very process, on whatever device they are.

    Args:
        namespace: the notebook's global names; looked at, never changed.
    """

    def __init__(self, namespace: dict[str, Any]):
        self._names = Namespace(namespace)

    def value(self, name: str) -> Any:
        return self._names.value(name)

    def _call(self, function: Any, args: tuple, kwargs: dict, keep: bool, back: bool) -> tuple[Any, list]:
        return self._names.call(function, copy.deepcopy(list(args)), copy.deepcopy(kwargs), keep, back)
