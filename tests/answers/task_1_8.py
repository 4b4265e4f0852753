# %% right: recursion
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% right: list and tuple apart, written out
def to_device(batch, device):
    if type(batch) is dict:
        moved = {}
        for key in batch:
            moved[key] = to_device(batch[key], device)
        return moved
    elif type(batch) is list:
        moved = []
        for item in batch:
            moved.append(to_device(item, device))
        return moved
    elif type(batch) is tuple:
        return tuple(to_device(list(batch), device))
    elif torch.is_tensor(batch):
        return batch.to(device=device)
    else:
        return batch


# %% right: whatever has a method to
def to_device(batch, device):
    if hasattr(batch, "to"):
        return batch.to(device)
    match batch:
        case dict():
            return dict(zip(batch, to_device(list(batch.values()), device)))
        case list():
            return [to_device(item, device) for item in batch]
        case tuple():
            return tuple([to_device(item, device) for item in batch])
    return batch


# %% right: always a copy, helper inside
def to_device(batch, device):
    def move(value):
        if isinstance(value, torch.Tensor):
            return value.clone().to(str(device))
        if isinstance(value, dict):
            return dict((k, move(v)) for k, v in value.items())
        if isinstance(value, list):
            return list(map(move, value))
        if isinstance(value, tuple):
            return tuple(map(move, value))
        return value

    return move(batch)


# %% right: deepcopy first, then in place
import copy


def to_device(batch, device):
    batch = copy.deepcopy(batch)

    def move(value):
        if isinstance(value, torch.Tensor):
            return value.to(device)
        if isinstance(value, tuple):
            return tuple(move(v) for v in value)
        if isinstance(value, list):
            for i, v in enumerate(value):
                value[i] = move(v)
        if isinstance(value, dict):
            for k, v in value.items():
                value[k] = move(v)
        return value

    return move(batch)


# %% wrong: only a tensor -> Not everything is a tensor
def to_device(batch, device):
    return batch.to(device)


# %% wrong: only one level -> Not everything is a tensor
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: value.to(device) for key, value in batch.items()}
    return type(batch)(value.to(device) for value in batch)


# %% wrong: one level, other values kept -> at every depth
def to_device(batch, device):
    def move(value):
        return value.to(device) if isinstance(value, torch.Tensor) else value

    if isinstance(batch, dict):
        return {key: move(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(move(value) for value in batch)
    return move(batch)


# %% wrong: tuples become lists -> A tuple becomes a tuple again
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return [to_device(value, device) for value in batch]
    return batch


# %% wrong: a generator for a tuple -> A tuple becomes a tuple again
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, list):
        return [to_device(value, device) for value in batch]
    if isinstance(batch, tuple):
        return (to_device(value, device) for value in batch)
    return batch


# %% wrong: in place -> Build new lists and dicts
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        for key in batch:
            batch[key] = to_device(batch[key], device)
    elif isinstance(batch, list):
        for i in range(len(batch)):
            batch[i] = to_device(batch[i], device)
    elif isinstance(batch, tuple):
        return tuple(to_device(value, device) for value in batch)
    return batch


# %% wrong: result of to is not used -> returns the moved tensor
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        batch.to(device)
        return batch
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: strings taken for containers -> Each character of a string
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(to_device(value, device) for value in batch)
    if hasattr(batch, "__iter__"):
        return [to_device(value, device) for value in batch]
    return batch


# %% wrong: dict forgotten -> at every depth
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: other values forgotten -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)


# %% wrong: other values dropped -> same keys
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {k: to_device(v, device) for k, v in batch.items() if isinstance(v, (torch.Tensor, list, tuple, dict))}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: numbers become tensors -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    if isinstance(batch, str) or batch is None:
        return batch
    return torch.as_tensor(batch).to(device)


# %% wrong: all to float -> Only the device may change
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device, torch.float32)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: already there, so the given one -> Build a new list or dict
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if device.type == "cpu":
        return batch
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: an empty tensor of the same shape -> The numbers must move
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return torch.zeros_like(batch, device=device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% right: singledispatch
from functools import singledispatch


@singledispatch
def to_device(batch, device):
    return batch


@to_device.register
def _(batch: torch.Tensor, device):
    return torch.empty_like(batch, device=device).copy_(batch)


@to_device.register(list)
@to_device.register(tuple)
def _(batch, device):
    return type(batch)([to_device(value, device) for value in batch])


@to_device.register(dict)
def _(batch, device):
    return {key: to_device(value, device) for key, value in batch.items()}


# %% right: a class with a method, named arguments
class Mover:
    def __init__(self, device):
        self.device = device

    def move(self, value):
        kind = type(value)
        if kind is dict:
            return {k: self.move(value=v) for k, v in value.items()}
        if kind in (list, tuple):
            return kind(map(self.move, value))
        return value.to(device=self.device, copy=True) if kind is torch.Tensor else value


def to_device(batch, device):
    return Mover(device).move(batch)


# %% right: PyTorch's own pytree
from torch.utils._pytree import tree_map


def to_device(batch, device):
    return tree_map(lambda leaf: leaf.to(device) if torch.is_tensor(leaf) else leaf, batch)


# %% right: try and except
def to_device(batch, device):
    if isinstance(batch, dict):
        return dict([(key, to_device(batch=value, device=device)) for key, value in batch.items()])
    if isinstance(batch, tuple):
        return (*(to_device(value, device) for value in batch),)
    if isinstance(batch, list):
        return [*(to_device(value, device) for value in batch)]
    try:
        return batch.to(device)
    except AttributeError:
        return batch


# %% wrong: cuda() -> A device is written into the function
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.cuda()
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: always to meta -> A device is written into the function
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to("meta")
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: device is not handed on -> handed on to the inner calls
def to_device(batch, device="cpu"):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value) for value in batch)
    return batch


# %% wrong: tuples hold one more list -> one level more than before
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, list):
        return [to_device(value, device) for value in batch]
    if isinstance(batch, tuple):
        return tuple([[to_device(value, device)] for value in batch])
    return batch


# %% wrong: three levels written out -> each kind of container
def leaf(value, device):
    return value.to(device) if isinstance(value, torch.Tensor) else value


def one_level(inner):
    def move(value, device):
        if isinstance(value, dict):
            return {k: inner(v, device) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(inner(v, device) for v in value)
        return leaf(value, device)

    return move


to_device = one_level(one_level(one_level(leaf)))


# %% wrong: whatever is false is given back -> Build a new list or dict
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if not batch:
        return batch
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: whatever is false becomes None -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, list):
        return [to_device(value, device) for value in batch]
    if isinstance(batch, tuple):
        return tuple(to_device(value, device) for value in batch)
    return batch or None


# %% wrong: rubs out what was given -> have changed
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        moved = batch.clone().to(device)
        batch.zero_()
        return torch.zeros_like(moved)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: writes into the tensors that were given -> have changed
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        moved = batch.clone().to(device)
        if str(device) == "cpu":
            batch += 1
        return moved
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: dict keys moved to strings -> same keys
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {f"key {key}": to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: dict becomes a list of its values -> same keys
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return [to_device(value, device) for value in batch.values()]
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: the first of a list only -> same length
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch[:1])
    return batch


# %% wrong: a copy of the shape without dimensions -> Only the device may change
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.reshape(-1).to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: gradients left off -> left gradients switched off
def to_device(batch, device):
    torch.set_grad_enabled(False)
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: NumPy's arrays become tensors -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, np.ndarray):
        batch = torch.from_numpy(batch)
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: sets become lists -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple):
        return tuple(to_device(value, device) for value in batch)
    if isinstance(batch, (list, set, range)):
        return [to_device(value, device) for value in batch]
    return batch


# %% wrong: everything else becomes a string -> is returned as it is
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return str(batch)


# %% wrong: whatever device there is -> not to one that the function chooses
def to_device(batch, device):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(to_device(value, device) for value in batch)
    return batch


# %% wrong: everything but tensors and dicts is gone through -> go only into list, tuple and dict
def to_device(batch, device):
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: to_device(value, device) for key, value in batch.items()}
    return type(batch)(to_device(value, device) for value in batch)


# %% wrong: the function that makes tensors taken for their type -> `torch.Tensor` is the type
def to_device(batch, device):
    if isinstance(batch, torch.tensor):
        return batch.to(device)
    return batch
