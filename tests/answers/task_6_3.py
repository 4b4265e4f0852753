# %% right: all in one try
def load_safely(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, value in state.items():
            if not torch.is_tensor(value):
                raise TypeError(name)
        return state
    except Exception as error:
        raise ValueError(f"{path} holds no weights: {error}")


# %% right: an error class of its own, checked in a helper
class BadFile(ValueError):
    pass


def _weights(value):
    return type(value).__name__ in ("dict", "OrderedDict") and all(isinstance(v, torch.Tensor) for v in value.values())


def load_safely(path):
    try:
        with open(path, "rb") as file:
            state = torch.load(file, weights_only=True)
    except BaseException as error:
        raise BadFile("cannot be loaded: " + str(path)) from error
    if _weights(state):
        return state
    raise BadFile(f"no weights in {path!r}")


# %% right: the format is looked at first
import zipfile


def load_safely(path):
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no file of torch.save")
    try:
        state = torch.load(path, weights_only=True)
    except Exception:
        state = None
    if not isinstance(state, dict):
        raise ValueError(f"{path} was refused")
    for value in state.values():
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{path} was refused: {type(value)}")
    return dict(state)


# %% right: a pathlib.Path, the reason kept for one raise at the end
from pathlib import Path


def load_safely(path):
    path, reason, state = Path(path), "", None
    try:
        state = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
    except Exception as error:
        reason = type(error).__name__
    else:
        if not hasattr(state, "items"):
            reason = f"a {type(state).__name__}"
        else:
            others = [name for name, value in state.items() if not torch.is_tensor(value)]
            reason = f"{others} are no tensors" if others else ""
    if reason:
        raise ValueError(f"{path}: {reason}")
    return state


# %% wrong: the safety switched off -> The code in the file was run
def load_safely(path):
    try:
        state = torch.load(path, weights_only=False)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: a second attempt without it -> no second attempt
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception:
        try:
            state = torch.load(path, weights_only=False)
        except Exception as error:
            raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: the plain pickle module for other files -> The code in the file was run
import pickle


def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception:
        try:
            with open(path, "rb") as file:
                state = pickle.load(file)
        except Exception as error:
            raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: torch's error passes through -> but not with a ValueError
def load_safely(path):
    state = torch.load(path, weights_only=True)
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: two kinds of error only -> many kinds of error
import pickle


def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: None in place of an error -> easily overlooked
def load_safely(path):
    try:
        return torch.load(path, weights_only=True)
    except Exception:
        print("not loaded:", path)
        return None


# %% wrong: the contents are not looked at -> Look at what was loaded
def load_safely(path):
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error


# %% wrong: a dict, but with whatever in it -> each of its values a tensor
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: one tensor is enough -> each of its values a tensor
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not any(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: the message does not say which file -> does not hold the file's path
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError("the file is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError("no weights")
    return state


# %% wrong: all is refused -> This file is good
def load_safely(path):
    state = torch.load(path, weights_only=True)
    if isinstance(state, dict):
        raise ValueError(f"{path} holds no weights")
    return state


# %% right: a callable object, matched
class Safe:
    def __call__(self, path):
        try:
            loaded = torch.load(f=path, map_location="cpu", weights_only=True, mmap=False)
        except Exception:
            loaded = None
        match loaded:
            case dict() if all(map(torch.is_tensor, loaded.values())):
                return {**loaded}
        raise ValueError("refused", path)


load_safely = Safe()


# %% right: the path first, a partial
from functools import partial


def _load(path, loader):
    problem = None
    try:
        state = loader(path)
        if not isinstance(state, dict) or any(not isinstance(t, torch.Tensor) for t in state.values()):
            problem = "not only tensors"
    except Exception as error:
        problem = repr(error)
    if problem is not None:
        raise ValueError("%s: %s" % (path, problem)) from None
    return state


load_safely = partial(_load, loader=partial(torch.load, weights_only=True))


# %% wrong: the name of the file without its folder -> names all of the path
import os


def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{os.path.basename(path)} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{os.path.basename(path)} holds no weights")
    return state


# %% wrong: assert after loading -> assert raises an AssertionError
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    assert isinstance(state, dict) and all(isinstance(t, torch.Tensor) for t in state.values()), path
    return state


# %% wrong: values of what need not be a dict -> Ask isinstance(state, dict) first
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: the plain pickle module alone -> pickle.load cannot read
import pickle


def load_safely(path):
    with open(path, "rb") as file:
        state = pickle.load(file)
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: no OrderedDict -> is a dict too
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if type(state) is not dict or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: no parameters -> an nn.Parameter a tensor
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(type(t) is torch.Tensor for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: the dict inside the dict is taken out -> The file was not refused
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if isinstance(state, dict) and "state_dict" in state:
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: what is no tensor is left out -> The file was not refused
def load_safely(path):
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no weights")
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


# %% wrong: the class of the file's calls is allowed first -> The code in the file was run
def load_safely(path):
    with torch.serialization.safe_globals([exec]):
        try:
            state = torch.load(path, weights_only=True)
        except Exception as error:
            raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: gradients stay off -> left gradients switched off
def load_safely(path):
    torch.set_grad_enabled(False)
    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(state, dict) or not all(isinstance(t, torch.Tensor) for t in state.values()):
        raise ValueError(f"{path} holds no weights")
    return state


# %% wrong: dicts inside dicts are looked through -> The file was not refused
def load_safely(path):
    def only_tensors(value):
        return isinstance(value, torch.Tensor) or isinstance(value, dict) and all(map(only_tensors, value.values()))

    try:
        state = torch.load(path, weights_only=True)
    except Exception as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(state, dict) or not only_tensors(state):
        raise ValueError(f"{path} holds something else")
    return state
