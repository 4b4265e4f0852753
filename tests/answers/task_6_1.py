# %% right: a file that is opened, state in a variable
def save(model, path):
    state = model.state_dict()
    with open(path, "wb") as file:
        torch.save(state, file)


def load(model, path):
    with open(path, "rb") as file:
        state = torch.load(file, map_location="cpu", weights_only=True)
    model.load_state_dict(state)
    return model.train(False)


# %% right: copies of the tensors in a plain dict
def save(model, path):
    torch.save({name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}, path)


def load(model, path):
    state = torch.load(path)
    model.eval()
    model.load_state_dict(state)
    return model


# %% right: by hand, parameters and buffers
def save(model, path):
    torch.save(dict(list(model.named_parameters()) + list(model.named_buffers())), path)


def load(model, path):
    state = torch.load(path, weights_only=True)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(state[name])
    return model.eval()


# %% right: assigned, from a mapped file, and the old format
from pathlib import Path


def save(model, path):
    torch.save(model.state_dict(), Path(path), _use_new_zipfile_serialization=False)


def load(model, path):
    model.load_state_dict({k: v.clone() for k, v in torch.load(path, mmap=True).items()}, assign=True)
    return model.eval()


# %% wrong: eval forgotten -> still in training mode
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model


# %% wrong: parameters without buffers -> buffers, not parameters
def save(model, path):
    torch.save(dict(model.named_parameters()), path)


def load(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model.eval()


# %% wrong: buffers not loaded -> belongs to the state_dict
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    state = torch.load(path)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(state[name])
    return model.eval()


# %% wrong: the whole network -> Save model.state_dict()
def save(model, path):
    torch.save(model, path)


def load(model, path):
    return torch.load(path, weights_only=False).eval()


# %% wrong: wrapped in a dict -> with nothing around it
def save(model, path):
    torch.save({"state_dict": model.state_dict()}, path)


def load(model, path):
    model.load_state_dict(torch.load(path)["state_dict"])
    return model.eval()


# %% wrong: save leaves the network in evaluation mode -> leave the mode alone
def save(model, path):
    model.eval()
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: returns what load_state_dict returns -> return model
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model.eval()
    return model.load_state_dict(torch.load(path))


# %% wrong: nothing returned -> return model
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    model.eval()


# %% wrong: read, but not filled in -> Is this tensor filled from the file?
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    state = torch.load(path)
    model.state_dict().update(state)
    return model.eval()


# %% wrong: arguments exchanged -> what to save first
def save(model, path):
    torch.save(path, model.state_dict())


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: the path is given to load_state_dict -> not a path
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(path)
    return model.eval()


# %% right: by way of bytes, a lambda
save = lambda model, path: torch.save(obj=model.state_dict(), f=path)  # noqa: E731


def load(model, path):
    with open(path, "rb") as file:
        content = io.BytesIO(file.read())
    model.load_state_dict(state_dict=torch.load(content, map_location=torch.device("cpu")), strict=True)
    for layer in model.modules():
        layer.training = False
    return model


# %% right: names and buffers by a loop, keep_vars
def save(model, path):
    state = {name: tensor.data for name, tensor in model.state_dict(keep_vars=True).items()}
    with open(path, mode="wb") as file:
        torch.save(state, file)


def load(model, path):
    state = torch.load(path)
    for tensors in (model.named_parameters(), model.named_buffers()):
        for name, tensor in tensors:
            tensor.data.copy_(state.pop(name))
    assert not state
    return model.requires_grad_(False).eval()


# %% wrong: save halves the network -> wrong dtype
def save(model, path):
    torch.save(model.half().state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: save freezes the network -> do not require gradients any more
def save(model, path):
    model.requires_grad_(False)
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: save clears a buffer afterwards -> save only reads the network
def save(model, path):
    torch.save(model.state_dict(), path)
    for buffer in model.buffers():
        buffer.zero_()


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: a copy is filled and returned -> not a copy of it
import copy


def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    twin = copy.deepcopy(model)
    twin.load_state_dict(torch.load(path))
    return twin.eval()


# %% wrong: only the outermost module is in evaluation mode -> still in training mode
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    model.training = False
    return model


# %% wrong: a file name of its own -> save wrote no file there
def save(model, path):
    torch.save(model.state_dict(), path + ".pth")


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: a list of tensors -> The file holds no state_dict
def save(model, path):
    torch.save(list(model.state_dict().values()), path)


def load(model, path):
    for target, tensor in zip(model.state_dict().values(), torch.load(path)):
        target.copy_(tensor)
    return model.eval()


# %% wrong: the plain pickle module -> torch.load cannot read the file
import pickle


def save(model, path):
    with open(path, "wb") as file:
        pickle.dump(model.state_dict(), file)


def load(model, path):
    with open(path, "rb") as file:
        model.load_state_dict(pickle.load(file))
    return model.eval()


# %% wrong: the optimizer's habit, a class of its own around it -> besides names and tensors
from types import SimpleNamespace


def save(model, path):
    torch.save(SimpleNamespace(weights=model.state_dict()), path)


def load(model, path):
    model.load_state_dict(torch.load(path, weights_only=False).weights)
    return model.eval()


# %% wrong: gradients stay off -> left gradients switched off
def save(model, path):
    torch.set_grad_enabled(False)
    torch.save(model.state_dict(), path)


def load(model, path):
    model.load_state_dict(torch.load(path))
    return model.eval()


# %% wrong: load takes what save has kept, and reads no file -> Is this tensor filled from the file?
kept = {}


def save(model, path):
    torch.save(model.state_dict(), path)
    kept.update((name, tensor.clone()) for name, tensor in model.state_dict().items())


def load(model, path):
    model.load_state_dict(kept)
    return model.eval()


# %% wrong: the report is taken for the network -> do not assign it
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model = model.load_state_dict(torch.load(path))
    model.eval()
    return model


# %% wrong: the dict is taken for the network -> gives what was saved
def save(model, path):
    torch.save(model.state_dict(), path)


def load(model, path):
    model = torch.load(path)
    model.eval()
    return model
