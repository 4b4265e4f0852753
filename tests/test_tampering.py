"""Replaced functions are noticed, and what an honest notebook does never is."""

import builtins
import copy
import functools
import json
import subprocess
import sys
import types

import pytest
import torch
from conftest import ROOT
from torch import nn
from torch.utils._device import DeviceContext

import lecture_grader.worker
from lecture_grader.tampering import names_of_the_inside, watch
from lecture_utils.grading import namespace, state
from lecture_utils.grading.namespace import Namespace


def fake(*args, **kwargs):
    return None


REPLACED = {
    "torch.nn.Module.register_forward_hook": (nn.Module, "register_forward_hook"),
    "torch.nn.Module.register_forward_pre_hook": (nn.Module, "register_forward_pre_hook"),
    "torch.nn.Module.__call__": (nn.Module, "__call__"),
    "torch.nn.Module._call_impl": (nn.Module, "_call_impl"),
    "torch.nn.Module.__getattribute__": (nn.Module, "__getattribute__"),
    "torch.nn.Module.state_dict": (nn.Module, "state_dict"),
    "torch.nn.Module.training": (nn.Module, "training"),
    "torch.nn.Linear.forward": (nn.Linear, "forward"),
    "torch.nn.Linear": (nn, "Linear"),
    "torch.autograd.function.BackwardCFunction.apply": (torch.autograd.function.BackwardCFunction, "apply"),
    "torch.autograd.function.Function.apply": (torch.autograd.Function, "apply"),
    "torch.autograd.grad": (torch.autograd, "grad"),
    "torch.autograd.backward": (torch.autograd, "backward"),
    "torch.Tensor.backward": (torch.Tensor, "backward"),
    "torch.Tensor.requires_grad": (torch.Tensor, "requires_grad"),
    "torch.Tensor.detach": (torch.Tensor, "detach"),
    "torch.Tensor.__eq__": (torch.Tensor, "__eq__"),
    "torch.no_grad": (torch, "no_grad"),
    "torch.is_grad_enabled": (torch, "is_grad_enabled"),
    "torch.equal": (torch, "equal"),
    "torch.nn.functional.mse_loss": (nn.functional, "mse_loss"),
    "torch.optim.sgd.SGD.step": (torch.optim.SGD, "step"),
    "torch.optim.SGD": (torch.optim, "SGD"),
    "copy.deepcopy": (copy, "deepcopy"),
    "json.dumps": (json, "dumps"),
    "builtins.isinstance": (builtins, "isinstance"),
    "builtins.getattr": (builtins, "getattr"),
    "lecture_utils.grading.namespace.Namespace.call": (Namespace, "call"),
    "lecture_utils.grading.namespace.torch": (namespace, "torch"),
    "lecture_utils.grading.state.restore_state": (state, "restore_state"),
    "lecture_grader.worker.Worker._answer": (lecture_grader.worker.Worker, "_answer"),
    "sys.modules['copy']": (sys.modules, "copy"),
    "sys.modules['sys']": (sys.modules, "sys"),
    "sys.setprofile": (sys, "setprofile"),
    "builtins.__build_class__": (builtins, "__build_class__"),
    "builtins.__import__": (builtins, "__import__"),
    "torch.batch_norm": (torch, "batch_norm"),
    "torch.nn.Sequential.__call__": (nn.Sequential, "__call__"),
    "torch.nn.modules.linear.F": (nn.modules.linear, "F"),
    "torch.nn.modules.module._global_forward_hooks": (nn.modules.module, "_global_forward_hooks"),
    "OpOverload.__str__": (torch._ops.OpOverload, "__str__"),
    "torch.utils._python_dispatch.TorchDispatchMode": (torch.utils._python_dispatch, "TorchDispatchMode"),
    "torch.utils._device.DeviceContext.__torch_function__": (DeviceContext, "__torch_function__"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_what_is_replaced_is_named(name, monkeypatch):
    holder, key = REPLACED[name]
    replaced = watch()
    assert replaced() == []
    with monkeypatch.context() as patch:
        if isinstance(holder, dict):
            patch.setitem(holder, key, fake)
        else:
            patch.setattr(holder, key, fake, raising=False)
        found = replaced()
    assert name in found and replaced() == []


def test_new_code_in_an_old_function_is_noticed():
    replaced, before = watch(), nn.Module.register_forward_hook.__code__
    nn.Module.register_forward_hook.__code__ = fake.__code__
    try:
        assert replaced() == ["torch.nn.Module.register_forward_hook"]
    finally:
        nn.Module.register_forward_hook.__code__ = before


def test_a_method_hidden_by_the_object_itself_is_noticed():
    host = Namespace({})
    holder = type("Holder", (), {})()
    holder.host = host
    replaced = watch(holder, host)
    host.call = fake
    assert replaced() == ["Namespace.call"]
    host.kept = {}
    holder.host = Namespace({})
    assert set(replaced()) == {"Namespace.call", "Namespace.kept", "Holder.host"}


def test_another_class_of_a_module_or_an_object_is_noticed():
    host = Namespace({})
    replaced = watch(host)
    host.__class__ = type("Namespace", (Namespace,), {"call": fake})
    assert replaced() == ["the class of Namespace"]
    torch.__class__ = type("module", (types.ModuleType,), {"equal": property(fake)})
    try:
        assert set(replaced()) == {"the class of Namespace", "the class of torch"}
    finally:
        torch.__class__ = types.ModuleType


def test_what_a_function_keeps_in_its_closure_is_watched():
    replaced = watch()
    cell = nn.functional.max_pool2d.__closure__[0]
    before = cell.cell_contents
    cell.cell_contents = fake
    try:
        assert replaced() == ["torch.nn.functional.max_pool2d"]
        del cell.cell_contents
        assert len(replaced()) == 1
    finally:
        cell.cell_contents = before


def test_modes_and_hooks_that_see_every_call_are_noticed():
    from torch.overrides import TorchFunctionMode

    class Spy(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    replaced = watch()
    with Spy():
        assert replaced() != []
    Spy.__module__ = "torch.utils._device"
    with Spy():
        assert replaced() != []
    with torch.device("meta"):
        assert replaced() == []
    hook = nn.modules.module.register_module_forward_hook(fake)
    try:
        assert replaced() == ["every network (global_forward_hooks)"]
    finally:
        hook.remove()
    assert replaced() == []


HONEST_CELLS = r"""
# %% a class of one's own
class Net(nn.Module):
    def forward(self, x): return x
Net()(torch.ones(1))
# %% a subclass of nn.Linear
class Mine(nn.Linear):
    def forward(self, x): return super().forward(x) * 2
Mine(1, 1)
# %% other beginnings
nn.Linear.reset_parameters = lambda self: nn.init.ones_(self.weight)
nn.Linear(2, 2)
# %% a shorter repr
torch.Tensor.__repr__ = lambda self: 'tensor'
nn.Module.__repr__ = lambda self: 'net'
# %% a method more
torch.Tensor.plot = lambda self: None
nn.Module.count = lambda self: 3
# %% torch.load
import functools
torch.load = functools.partial(torch.load, weights_only=False)
# %% a default device
torch.set_default_device('cpu')
torch.ones(1)
# %% a default dtype
torch.set_default_dtype(torch.float64)
# %% seeds and algorithms
torch.manual_seed(1)
torch.use_deterministic_algorithms(True)
# %% optimizers
p = [nn.Parameter(torch.ones(1))]
for kind in (
    'SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Adadelta', 'NAdam', 'RAdam', 'LBFGS', 'Rprop', 'ASGD', 'Adamax'):
    getattr(torch.optim, kind)(p)
o = torch.optim.Adam(p)
torch.optim.lr_scheduler.StepLR(o, 2)
# %% a compiled network
import torch._dynamo
f = torch.compile(nn.Linear(2, 2), backend='eager')
f(torch.ones(1, 2))
# %% jit
torch.jit.script(nn.Linear(2, 2))
torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
# %% functorch
torch.func.vmap(torch.sin)(torch.ones(2))
torch.func.grad(torch.sin)(torch.tensor(1.0))
# %% fx
import torch.fx
torch.fx.symbolic_trace(nn.Linear(2, 2))
# %% export
torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),))
# %% hooks of one's own
n = nn.Linear(2, 2)
n.register_forward_hook(print)
n.weight.register_hook(print)
# %% anomalies and profiles
with torch.autograd.set_detect_anomaly(True): pass
with torch.profiler.profile(): torch.ones(1) + 1
# %% quantisation
import torch.ao.quantization
# %% pruning and parametrisation
import torch.nn.utils.prune as p
p.l1_unstructured(nn.Linear(2, 2), 'weight', 0.5)
torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
# %% plots
import matplotlib.pyplot as plt
plt.rcParams['figure.dpi'] = 50
plt.show = lambda *a, **k: None
# %% progress bars
from tqdm.auto import tqdm
tqdm.pandas() if 'pandas' in sys.modules else None
# %% warnings
import warnings
warnings.filterwarnings('ignore')
warnings.warn = lambda *a, **k: None
# %% print
import builtins, functools
builtins.print = functools.partial(print, flush=True)
builtins.input = str
# %% sklearn
import sklearn.datasets, sklearn.linear_model
# %% torchvision
import torchvision.models, torchvision.transforms.v2
torchvision.models.resnet18()
# %% widgets
import ipywidgets
import anywidget
# %% tensorboard
import torch.utils.tensorboard
# %% distributed
import torch.distributed, torch.utils.data, torch.multiprocessing
# %% names of one's own
check = print = len = isinstance = deepcopy = None
# %% the course
from lecture_utils import check, progress, get_device, show_images
check('1.1')
progress('1')
# %% mixed precision
with torch.autocast('cpu', dtype=torch.bfloat16): nn.Linear(2, 2)(torch.ones(1, 2))
# %% checkpointing
from torch.utils.checkpoint import checkpoint
checkpoint(torch.sin, torch.ones(1), use_reentrant=False)
# %% gradients off
torch.set_grad_enabled(False)
torch.inference_mode(True).__enter__()
# %% methods that were tried and put back, where the class itself had none
for kind, name in (
    (torch.Tensor, '__add__'), (torch.Tensor, 'mul'), (torch.Tensor, 'grad'), (torch.optim.SGD, 'zero_grad')
):
    kept = getattr(kind, name)
    setattr(kind, name, lambda *args: None)
    setattr(kind, name, kept)
# %% old NumPy names
import numpy as np
np.float, np.int, np.bool = float, int, bool
# %% forward gradients
import torch.autograd.forward_ad as f
with f.dual_level():
    f.make_dual(torch.ones(1), torch.ones(1))
"""
HONEST = dict(part.split("\n", 1) for part in HONEST_CELLS.split("# %% ")[1:])
TRY = """
import builtins, contextlib, json, os, sys
os.environ["LECTURE_GRADING"] = "1"
import torch
from torch import nn
import lecture_grader.worker
from lecture_grader.tampering import watch
replaced, show = watch(), print
def run(cell):
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(cell, {"torch": torch, "nn": nn, "sys": sys})
    except ImportError as error:
        return [] if error.name else [repr(error)]
    return replaced()
"""


def test_no_honest_cell_is_called_tampering():
    """All in one process, one after the other, so that each may also undo what another has done."""
    lines = [f"found[{name!r}] = run({cell!r})" for name, cell in HONEST.items()]
    program = "\n".join([TRY, "found = {}", *lines, "show(json.dumps(found))"])
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert set(found) == set(HONEST)
    assert [(name, names) for name, names in found.items() if names][:1] == []


@pytest.mark.parametrize(
    "source",
    [
        "import gc; gc.get_objects()",
        "from gc import get_referrers",
        "import sys\nsys._getframe(1)",
        "inspect.currentframe().f_back",
        "import lecture_utils.grading.namespace as n",
        "from lecture_utils import grading",
        "from lecture_grader import worker",
        "import lecture_checks",
        "model._forward_hooks.clear()",
        "f.__closure__[0].cell_contents",
        "torch.initial_seed()",
        "sys.settrace(print)",
        "from sys import setprofile",
        "threading.setprofile_all_threads(None)",
        "from torch.utils._python_dispatch import _pop_mode",
        "with torch._C._ExcludeDispatchKeyGuard(keys): pass",
        "from torch import _C",
        "torch.library.custom_op('mine::pool', work, mutates_args=())",
        "from torch.library import custom_op",
        "torch._C._dispatch_library('IMPL', 'aten', '')",
        "builtins.__build_class__ = build",
        'torch.library.Library("aten", "IMPL")',
        "signal.getsignal(signal.SIGINT).__self__.namespace",
        "frame.f_back.f_locals",
        "error.__traceback__.tb_frame",
        "generator.gi_frame",
        "sys._current_frames()",
        "gc.get_referents(x)",
        "ctypes.pythonapi.PyFrame_LocalsToFast",
        "ctypes.cast(id(x), ctypes.py_object)",
        "with torch.utils._python_dispatch._disable_current_modes(): pass",
        "torch._C._DisableTorchDispatch()",
        "torch._C.DisableTorchFunction()",
        "with torch.inference_mode(False): pass",
        "with torch.inference_mode(mode=False): pass",
        "_thread.start_new_thread(work, ())",
    ],
)
def test_names_that_lead_inside_are_found(source):
    assert names_of_the_inside(source)


def test_a_notebook_of_the_course_names_nothing_inside():
    cells = [
        "".join(cell["source"])
        for path in [*(ROOT / "lectures").glob("*.ipynb"), *(ROOT / "solutions").glob("*.ipynb")]
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]
    assert len(cells) > 100 and [cell for cell in cells if names_of_the_inside(cell)] == []


def test_a_wrapper_is_a_replacement(monkeypatch):
    replaced = watch()
    monkeypatch.setattr(Namespace, "call", functools.wraps(Namespace.call)(lambda *args: None))
    assert replaced() == ["lecture_utils.grading.namespace.Namespace.call"]


def test_what_a_base_has_is_no_replacement_but_what_another_class_has_is(monkeypatch):
    replaced = watch()
    monkeypatch.setattr(torch.Tensor, "__add__", torch.Tensor.__add__)
    assert replaced() == []
    monkeypatch.setattr(torch.Tensor, "__add__", torch.Tensor.__sub__)
    assert replaced() == ["torch.Tensor.__add__"]
    monkeypatch.setattr(torch.Tensor, "__add__", None)
    assert replaced() == ["torch.Tensor.__add__"]
