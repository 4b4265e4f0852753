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


# %% wrong: strings taken for containers -> A string consists of strings
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
