"""What a check puts back in the student's notebook."""

import numpy as np
import pytest
import torch
from torch import nn

from lecture_utils.grading.state import restore_state


class NoInit(nn.Module):
    """A student's network that forgot super().__init__()."""

    def __init__(self):
        self.size = 3


class Raises(nn.Module):
    def modules(self):
        raise ValueError

    named_parameters = parameters = buffers = modules


def inference_tensor():
    with torch.inference_mode():
        return torch.ones(3)


def read_only():
    array = np.ones(3)
    array.flags.writeable = False
    return torch.from_numpy(array)


ODD = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "compressed": lambda: torch.eye(3).to_sparse_csr(),
    "a lazy layer": lambda: nn.LazyLinear(3),
    "a lazy network": lambda: nn.Sequential(nn.LazyConv2d(3, 3), nn.LazyBatchNorm2d()),
    "inference": inference_tensor,
    "nan, expanded": lambda: torch.tensor(float("nan")).expand(4),
    "expanded": lambda: torch.ones(1).expand(4),
    "meta": lambda: torch.empty(3, device="meta"),
    "empty": lambda: torch.empty(0, 3),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
    "complex": lambda: torch.ones(3, dtype=torch.complex64).conj(),
    "bool": lambda: torch.ones(3, dtype=torch.bool),
    "float8": lambda: torch.ones(3).to(torch.float8_e4m3fn),
    "read only": read_only,
    "transposed": lambda: torch.ones(2, 3).T,
    "no super().__init__": NoInit,
    "no super().__init__ inside": lambda: nn.ModuleList([nn.Linear(1, 1)]).append(nn.Linear(2, 2)) and NoInit(),
    "a network that raises": Raises,
    "itself inside": lambda: _cyclic(),
    "nothing as a parameter": lambda: nn.Linear(2, 2, bias=False),
    "a class": lambda: nn.Linear,
}


def _cyclic():
    network = nn.Sequential(nn.Linear(1, 1))
    network[0].__dict__["outer"] = network
    network[0]._modules["again"] = network
    return network


TENSORS = ["sparse", "compressed", "inference", "nan, expanded", "expanded", "quantised", "complex", "bool", "float8"]
TENSORS += ["read only", "transposed"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ODD)
def test_nothing_odd_stops_a_check(name):
    value = ODD[name]()
    names = {"value": value}
    with restore_state(names):
        names["more"] = 1
    assert set(names) == {"value"} and names["value"] is value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [name for name in ODD if torch.is_tensor(ODD[name]()) and name not in ("meta", "empty")]
)
def test_the_contents_of_odd_tensors_come_back(name):
    value = ODD[name]()
    before = value.clone() if name != "quantised" else value.dequantize()
    names = {"value": value}
    with restore_state(names):
        value.data = torch.zeros(7) if name == "inference" else value.data  # its content cannot be written
        if value.layout == torch.strided and name not in ("read only", "quantised", "float8", "inference"):
            torch.empty(0, dtype=torch.uint8).set_(value.untyped_storage()).zero_()
    after = value if name != "quantised" else value.dequantize()
    same = after.to_dense() if after.layout != torch.strided else after
    wanted = before.to_dense() if before.layout != torch.strided else before
    assert same.dtype == wanted.dtype and torch.allclose(same.cfloat(), wanted.cfloat(), equal_nan=True)


def trained():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    network(torch.ones(5, 3)).sum().backward()
    return network


def new_buffer(model):
    model[1].running_mean = torch.full((4,), 9.0)


def new_parameter(model):
    model[0].weight = nn.Parameter(torch.zeros(4, 3))


CHANGES = {
    "double": lambda m: m.double(),
    "half": lambda m: m.half(),
    "data": lambda m: setattr(m[0].weight, "data", torch.zeros(9, 9)),
    "in place": lambda m: m[0].weight.data.zero_(),
    "a new buffer": new_buffer,
    "a new parameter": new_parameter,
    "a buffer in place": lambda m: m(torch.randn(5, 3)),
    "evaluation": lambda m: m.eval(),
    "frozen": lambda m: m.requires_grad_(False),
    "gradients": lambda m: m.zero_grad(),
    "gradients in place": lambda m: m[0].weight.grad.zero_(),
    "one more layer": lambda m: m.append(nn.ReLU()),
    "one layer less": lambda m: m.pop(3),
    "a hook": lambda m: m[0].register_forward_hook(lambda *a: None),
    "an attribute": lambda m: setattr(m, "seen", 3),
    "a moved network": lambda m: m.to("meta"),
    "everything": lambda m: vars(m).clear(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_network_is_as_it_was(name):
    model = trained()
    state = {key: value.clone() for key, value in model.state_dict().items()}
    grads = [p.grad.clone() for p in model.parameters()]
    identities = [id(p) for p in model.parameters()]
    with restore_state({"model": model}), torch.no_grad():
        CHANGES[name](model)
    assert [id(p) for p in model.parameters()] == identities and len(model) == 4 and not hasattr(model, "seen")
    assert all(layer.training and not layer._forward_hooks for layer in model.modules())
    assert all(p.requires_grad and torch.equal(p.grad, g) for p, g in zip(model.parameters(), grads, strict=True))
    after = model.state_dict()
    assert list(after) == list(state)
    for key, value in state.items():
        assert after[key].dtype == value.dtype and torch.equal(after[key], value), key


def test_generators_and_the_default_dtype_come_back():
    torch.manual_seed(3)
    wanted = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    state = np.random.get_state()
    with restore_state({}):
        torch.rand(5), np.random.rand(5), torch.set_default_dtype(torch.float64)
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(torch.rand(1), wanted[0]) and np.array_equal(np.random.get_state()[1], state[1])


def test_one_storage_is_kept_once():
    base = torch.ones(1000)
    names = {f"x{n}": base[n:] for n in range(20)}
    with restore_state(names):
        base.zero_()
    assert all(view.eq(1).all() for view in names.values())


class Wrapper(torch.Tensor):
    """A tensor without memory of its own, as those of functorch or of another kind of device are."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        def inner(value):
            return value.inner if isinstance(value, Wrapper) else value

        return Wrapper(function(*map(inner, args), **(kwargs or {})))


def test_a_tensor_that_wraps_another_can_have_a_name():
    model = nn.Linear(2, 2, bias=False)
    model.weight = nn.Parameter(Wrapper(torch.ones(2, 2)))
    with restore_state({"model": model}):
        pass
    assert torch.equal(model.weight.data.inner, torch.ones(2, 2))
