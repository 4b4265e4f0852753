# %% right: a loop, and startswith
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location=torch.device("cpu"), weights_only=True)
    prefix, state = "module.", {}
    for name, tensor in checkpoint["state_dict"].items():
        if name.startswith(prefix):
            name = name[len(prefix):]
        state[name] = tensor
    model.load_state_dict(state)
    model.eval()
    return model


# %% right: torch's own helper
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present


def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    consume_prefix_in_state_dict_if_present(state, "module.")
    model.load_state_dict(state)
    return model.train(False)


# %% right: a function as map_location, a regular expression
import re


def load_from_gpu(model, path):
    state = torch.load(path, map_location=lambda storage, place: storage)["state_dict"]
    model.load_state_dict({re.sub(r"^module\.", "", name): tensor for name, tensor in state.items()}, strict=True)
    return model.eval()


# %% right: the model is wrapped for a moment
def load_from_gpu(model, path):
    state = torch.load(path, map_location={f"cuda:{i}": "cpu" for i in range(256)})["state_dict"]
    wrapped = all(name.startswith("module.") for name in state)
    target = nn.ModuleDict({"module": model}) if wrapped else model
    target.load_state_dict(state)
    return model.eval()


# %% right: replace, once, where all names begin with it
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    if next(iter(state)).startswith("module."):
        state = {name.replace("module.", "", 1): tensor for name, tensor in state.items()}
    model.load_state_dict(state)
    return model.eval()


# %% wrong: no map_location -> map_location="cpu"
def load_from_gpu(model, path):
    checkpoint = torch.load(path)
    model.load_state_dict({n.removeprefix("module."): t for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: moved when it is too late -> map_location="cpu"
def load_from_gpu(model, path):
    checkpoint = torch.load(path)
    model.load_state_dict({n.removeprefix("module."): t.cpu() for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: prefix forgotten -> what stands in front
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval()


# %% wrong: not strict -> Is this tensor filled from the file?
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict(checkpoint["state_dict"], strict=False)
    return model.eval()


# %% wrong: prefix removed, not strict -> With strict=False
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    state = {n.removeprefix("module."): t for n, t in checkpoint["state_dict"].items()}
    model.load_state_dict(state, strict=False)
    return model.eval()


# %% wrong: replaced everywhere in the name -> the middle of a name
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n.replace("module.", ""): t for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: cut off whether it is there or not -> what stands in front
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n[7:]: t for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: up to the first dot -> what stands in front
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n.split(".", 1)[1]: t for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: lstrip takes letters -> what stands in front
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n.lstrip("module."): t for n, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: eval forgotten -> training mode
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n.removeprefix("module."): t for n, t in checkpoint["state_dict"].items()})
    return model


# %% wrong: the whole checkpoint -> checkpoint["state_dict"]
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict({n.removeprefix("module."): t for n, t in checkpoint.items()})
    return model.eval()


# %% wrong: errors swallowed -> without a word
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    try:
        model.load_state_dict({n.removeprefix("module."): t for n, t in checkpoint["state_dict"].items()})
    except RuntimeError as error:
        print(error)
    return model.eval()


# %% right: DataParallel's own way, where all names begin with it
def load_from_gpu(model, path):
    state = torch.load(path, map_location=torch.device("cpu"))["state_dict"]
    wrapped = all(name.startswith("module.") for name in state)
    target = nn.ModuleDict({"module": model}) if wrapped else model
    target.load_state_dict(state)
    model.eval()
    return model


# %% right: a callable object, a mapping that knows every device
class ToCpu(dict):
    def get(self, location, default=None):
        return "cpu"


class Loader:
    prefix = "module."

    def name(self, name):
        return name[len(self.prefix) :] if name[: len(self.prefix)] == self.prefix else name

    def __call__(self, model, path):
        with open(path, "rb") as file:
            checkpoint = torch.load(file, map_location=ToCpu(), weights_only=True)
        missing, unexpected = model.load_state_dict(
            dict(zip(map(self.name, checkpoint["state_dict"]), checkpoint["state_dict"].values()))
        )
        assert not missing and not unexpected
        return model.train(mode=False)


load_from_gpu = Loader()


# %% wrong: a copy is filled -> not a copy of it
import copy


def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    twin = copy.deepcopy(model)
    twin.load_state_dict({name.removeprefix("module."): t for name, t in checkpoint["state_dict"].items()})
    return twin.eval()


# %% wrong: filled by hand, as far as it goes -> filled by hand
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    for name, tensor in model.state_dict().items():
        if name in state:
            tensor.copy_(state[name])
    return model.eval()


# %% wrong: what is missing is filled up from the network -> without a word
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    model.load_state_dict({**model.state_dict(), **state})
    return model.eval()


# %% wrong: the prefix is always added -> what stands in front
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    nn.ModuleDict({"module": model}).load_state_dict(state)
    return model.eval()


# %% wrong: the prefix from the first name on by its length -> what stands in front
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    model.load_state_dict({name.split("module.")[-1]: tensor for name, tensor in state.items()})
    return model.eval()


# %% wrong: only parameters are filled -> belongs to the state_dict
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(state[name])
    return model.eval()


# %% wrong: nothing is returned -> return model
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    model.load_state_dict({name.removeprefix("module."): tensor for name, tensor in state.items()})
    model.eval()


# %% wrong: gradients stay off -> left gradients switched off
def load_from_gpu(model, path):
    torch.set_grad_enabled(False)
    state = torch.load(path, map_location="cpu")["state_dict"]
    model.load_state_dict({name.removeprefix("module."): tensor for name, tensor in state.items()})
    return model.eval()


# %% wrong: only GPUs 0 to 7 are moved -> map_location="cpu"
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location={f"cuda:{i}": "cpu" for i in range(8)})
    model.load_state_dict({name.removeprefix("module."): t for name, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: filled in the order of the file -> RuntimeError
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict(dict(zip(model.state_dict(), checkpoint["state_dict"].values(), strict=False)))
    return model.eval()


# %% wrong: the prefix is taken away as often as it stands there -> what stands in front
def load_from_gpu(model, path):
    state = {}
    for name, tensor in torch.load(path, map_location="cpu")["state_dict"].items():
        while name.startswith("module."):
            name = name.removeprefix("module.")
        state[name] = tensor
    model.load_state_dict(state)
    return model.eval()


# %% wrong: epoch 0 is taken for an empty file -> training mode
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location="cpu")
    if checkpoint["epoch"]:
        model.load_state_dict({name.removeprefix("module."): t for name, t in checkpoint["state_dict"].items()})
        model.eval()
    return model


# %% wrong: only the GPU of the example is moved -> for a GPU of any number
def load_from_gpu(model, path):
    checkpoint = torch.load(path, map_location={"cuda:7": "cpu"})
    model.load_state_dict({name.removeprefix("module."): t for name, t in checkpoint["state_dict"].items()})
    return model.eval()


# %% wrong: names are changed in the dict itself -> a new dict
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    for name in state:
        if name.startswith("module."):
            state[name.removeprefix("module.")] = state.pop(name)
    model.load_state_dict(state)
    return model.eval()


# %% right: first as it is, then without the wrapper's name
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    try:
        model.load_state_dict(state)
    except RuntimeError:
        model.load_state_dict({name[len("module.") :]: tensor for name, tensor in state.items()})
    return model.eval()


# %% wrong: the report is taken for the network -> do not assign it
def load_from_gpu(model, path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    model = model.load_state_dict({name.removeprefix("module."): tensor for name, tensor in state.items()})
    return model.eval()
