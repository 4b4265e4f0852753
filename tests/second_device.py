"""A second device in pure Python: its tensors refuse to meet those of the CPU, as a GPU's do.

A tensor on the device ``away`` keeps its numbers in a tensor on the CPU. Every operation of PyTorch passes through
:meth:`Away.__torch_dispatch__`, which first looks where the operands are. It takes PyTorch's key for devices of other
makers, for the whole process; so the checks are tried in a process of its own:

    python tests/second_device.py 4.4 5        # the solution and the right answers of task 4.4 and of exercise 5

What it does not show is what a real GPU computes: other rounding, cuDNN's weights in one piece, asynchronous errors.
"""

import argparse
import sys

import torch
from torch.utils import _pytree as pytree
from torch.utils import backend_registration

NAME = "away"
# As on a GPU: numbers may be copied over, and the places in an index and the lengths of sequences lie on the CPU.
_MOVES = {"aten::copy_", "aten::_copy_from"}
_PACKS = {"aten::_pack_padded_sequence", "aten::_pack_padded_sequence_backward", "aten::_pad_packed_sequence"}
_INDEXES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


def is_possible() -> bool:
    """Whether this version of PyTorch lets a device be written in Python."""
    return hasattr(backend_registration, "_setup_privateuseone_for_python_backend")


class Away(torch.Tensor):
    """A tensor on the second device; ``home`` has its numbers."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, home):
        layout = {"strides": home.stride(), "storage_offset": home.storage_offset(), "dtype": home.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, home.shape, device=torch.device(NAME, 0), **layout)

    def __init__(self, home):
        self.home = home

    def __deepcopy__(self, memo):
        copied = Away(self.home.clone()).requires_grad_(self.requires_grad)
        copied.grad = None if self.grad is None else Away(self.grad.home.clone())
        if isinstance(self, torch.nn.Parameter):
            copied._is_param = True
        memo[id(self)] = copied
        return copied

    def __format__(self, specification):
        return self.home.__format__(specification)

    def tolist(self):
        return self.home.tolist()

    def numpy(self, **options):
        raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. Use Tensor.cpu() first.")

    def __reduce_ex__(self, protocol):  # a file is written from the CPU's memory
        return self.home.__reduce_ex__(protocol)

    def _set_data(self, other):
        torch.Tensor.data.__set__(self, other)
        self.home = other.home

    data = property(lambda self: Away(self.home), _set_data)  # as PyTorch's, without a common count of changes

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():  # then operations made of others arrive as a whole
            result = function.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        _refuse_to_mix(function, args, kwargs)
        given = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Away)]
        wrappers = {id(value.home): value for value in given}
        device = kwargs.get("device")
        stays = device is None or torch.device(device).type == NAME
        args, kwargs = pytree.tree_map_only(Away, lambda value: value.home, (args, kwargs))
        if device is not None and stays:
            kwargs["device"] = torch.device("cpu")

        def wrapped(value):
            if id(value) in wrappers:
                return wrappers[id(value)]
            return Away(value) if stays and not (args and value is args[0]) else value

        # What is kept in ``home`` is an ordinary tensor, in inference mode too, and no other subclass looks on.
        with torch.inference_mode(False), torch._C.DisableTorchFunctionSubclass():
            result = pytree.tree_map_only(torch.Tensor, wrapped, function(*args, **kwargs))
            if function._schema.name in _PACKS and isinstance(result, tuple):
                result = (result[0], result[1].home)
        for value in given:
            if (value.shape, value.stride()) != (value.home.shape, value.home.stride()):
                with torch._C._DisableTorchDispatch():
                    torch.Tensor.data.__set__(value, Away(value.home))  # changed in place, as by unsqueeze_
        return result


def _refuse_to_mix(function, args, kwargs):
    """Raise what PyTorch raises for a GPU, where operands of an operation are on two devices."""
    name = function._schema.name
    tensors = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)]
    if name in _INDEXES and isinstance(args[0], Away):
        places = {id(value) for value in pytree.tree_leaves(args[1])}
        tensors = [value for value in tensors if id(value) not in places]
    elif name in _INDEXES and any(isinstance(value, Away) for value in pytree.tree_leaves(args[1])):
        raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
    at_home = [value for value in tensors if not isinstance(value, Away) and value.dim()]
    if at_home and len(at_home) < len(tensors) and name not in _MOVES | _PACKS:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 "
                           f"and cpu! (in {name})")  # fmt: skip
    _refuse_generator_of_the_cpu(kwargs)


def _refuse_generator_of_the_cpu(kwargs):
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type != NAME:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'")


def _factory(function):
    """A function that makes tensors of numbers: it makes them on the CPU, and puts them on the device."""

    def make(*args, **kwargs):
        _refuse_generator_of_the_cpu(kwargs)
        kwargs["device"] = torch.device("cpu")
        return Away(function(*args, **{key: value for key, value in kwargs.items() if key != "pin_memory"}))

    return make


def _copy_from(source, target, non_blocking=False):
    getattr(target, "home", target).copy_(getattr(source, "home", source))
    return target


def _through_the_cpu(function):
    """A layer that PyTorch has for single devices only, with its way back: there and back, in recorded copies."""

    def run(*args):
        lengths = 1 if "data" in function.name() else None  # of packed sequences: on the CPU
        _refuse_to_mix(function, [value for place, value in enumerate(args) if place != lengths], {})
        results = function(*pytree.tree_map_only(Away, lambda value: value.to("cpu"), args))
        return pytree.tree_map_only(torch.Tensor, lambda value: value.to(NAME), results)

    return run


def register() -> None:
    """Make the device. It stays until the process ends."""
    backend_registration._setup_privateuseone_for_python_backend(NAME)
    global _LIBRARY
    _LIBRARY = torch.library.Library("aten", "IMPL")
    _LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
    for layer in (torch.ops.aten.lstm, torch.ops.aten.gru, torch.ops.aten.rnn_tanh, torch.ops.aten.rnn_relu):
        for overload in ("input", "data"):
            function = getattr(layer, overload)
            _LIBRARY.impl(function.name().removeprefix("aten::"), _through_the_cpu(function), "AutogradPrivateUse1")
    known = set(torch._C._dispatch_get_all_op_names())
    for schema in torch._C._jit_get_all_schemas():
        kinds = {str(argument.type) for argument in schema.arguments}
        made = [str(value.type) for value in schema.returns]
        takes_device = any(argument.name == "device" for argument in schema.arguments)
        if not schema.name.startswith("aten::") or not takes_device or made != ["Tensor"]:
            continue
        if any("Tensor" in kind or "Storage" in kind for kind in kinds) or "names" in schema.overload_name:
            continue
        full_name = f"{schema.name}.{schema.overload_name}".removesuffix(".")
        key = "CompositeImplicitAutograd"
        if full_name in known and not torch._C._dispatch_has_kernel_for_dispatch_key(full_name, key):
            packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::"))
            function = getattr(packet, schema.overload_name or "default")
            _LIBRARY.impl(full_name.removeprefix("aten::"), _factory(function), "PrivateUse1")


def judge_answers(device: str, tasks: list[str], right: int) -> int:
    """Judge solutions and right answers with a device as default, print each verdict, and count the failures.

    Args:
        device: its name.
        tasks: such as "4.4", or "4" for all of exercise 4; all if the list is empty.
        right: so many right answers of each task, besides the solution.
    """
    from test_checks import TASKS, answers, judge, solutions

    failures = 0
    for task_id in TASKS:
        if tasks and not {task_id, task_id.partition(".")[0]} & set(tasks):
            continue
        tried = [("the solution", None, solutions()[task_id]), *answers(task_id, "right")[:right]]
        for name, _, code in tried:
            verdict = judge(task_id, code, device=device)
            # An answer that goes through NumPy says .cpu() first only where it was written with a GPU in mind.
            # A subclass of torchvision's can be made of any device's tensor, but not of this one, a subclass itself.
            skipped = "type tensor to numpy" in verdict.error or "already associated to a python obj" in verdict.error
            status = "skipped" if skipped else verdict.status
            failures += status not in ("passed", "skipped")
            print(f"{task_id} {status}, {name}{f': {verdict}' * (status == 'failed')}", flush=True)
    return failures


def main() -> None:
    """Judge solutions and right answers with the device as default."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("tasks", nargs="*", help="such as 4.4, or 4 for all of exercise 4; all if none is given")
    parser.add_argument("--right", type=int, default=99, help="so many right answers besides the solution")
    options = parser.parse_args()
    register()
    torch.set_num_threads(1)
    sys.exit(judge_answers(NAME, options.tasks, options.right) > 0)


if __name__ == "__main__":
    main()
