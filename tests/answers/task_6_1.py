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
