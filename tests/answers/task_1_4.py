# %% right: from_numpy and tensor
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% right: as_tensor and clone
def shared(array):
    return torch.as_tensor(array, device="cpu")


def float_copy(array):
    return torch.from_numpy(array).clone().float()


# %% right: copied by NumPy
def shared(array):
    tensor = torch.from_numpy(array)
    return tensor[:]


def float_copy(array):
    return torch.from_numpy(array.astype("float32"))


# %% right: through empty memory and lists
def shared(array):
    return torch.asarray(array, device="cpu", copy=False)


def float_copy(array):
    copy = torch.empty(array.shape)
    copy[...] = torch.tensor(array.tolist())
    return copy


# %% right: arithmetic makes a new tensor
def shared(array):
    return torch.from_numpy(array).detach()


def float_copy(array):
    return shared(array) + torch.zeros(array.shape, dtype=torch.float32, device="cpu") if array.dtype != "float64" else (
        shared(array).to(torch.float32)
    )


# %% wrong: shared is a copy -> It is a copy
def shared(array):
    return torch.tensor(array)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: shared by clone -> It is a copy
def shared(array):
    return torch.from_numpy(array).clone()


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: float() does not always copy -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array).float()


# %% wrong: as_tensor with dtype -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.as_tensor(array, dtype=torch.float32, device="cpu")


# %% wrong: a slice of a converted tensor -> always copy
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array).to(torch.float32)[:]


# %% wrong: the dtype is kept -> Say which dtype
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.tensor(array)


# %% wrong: shared converts -> same dtype
def shared(array):
    return torch.from_numpy(array).float()


def float_copy(array):
    return torch.from_numpy(array).float().clone()


# %% wrong: copied by NumPy first -> It is a copy
def shared(array):
    return torch.from_numpy(array.copy())


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: an array, not a tensor -> returns a tensor
def shared(array):
    return array


def float_copy(array):
    return array.astype("float32")


# %% wrong: a contiguous copy of a strided array -> It is a copy
def shared(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: the array is emptied -> changed the array
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    copy = torch.tensor(array, dtype=torch.float32)
    array[...] = 0
    return copy


# %% right: from_dlpack, and empty_like
def shared(array):
    return torch.from_dlpack(array)


def float_copy(array):
    tensor = torch.from_numpy(array)
    return torch.empty_like(tensor, dtype=torch.float32).copy_(tensor)


# %% right: to with copy=True
def shared(array):
    return torch.from_numpy(array).view_as(torch.from_numpy(array))


def float_copy(array):
    return torch.from_numpy(array).to(torch.float32, copy=True)


# %% right: lambdas
shared = lambda array: torch.from_numpy(array)
float_copy = lambda array: torch.from_numpy(np.array(array, dtype=np.float32))


# %% wrong: torch.Tensor shares a float32 array -> torch.Tensor
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.Tensor(array)


# %% wrong: asarray of NumPy -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(np.asarray(array, dtype="float32"))


# %% wrong: astype without a copy -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array.astype(np.float32, copy=False))


# %% wrong: type() copies no float32 -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array).type(torch.float32).reshape(array.shape)


# %% wrong: contiguous copies nothing that is contiguous -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array).float().contiguous()


# %% wrong: copies float64 only -> It shares the memory
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    if array.dtype == np.float64:
        return torch.tensor(array, dtype=torch.float32)
    return torch.from_numpy(array).float()


# %% wrong: shared flattens -> wrong shape
def shared(array):
    return torch.from_numpy(array.reshape(-1))


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: shared zeroes -> is wrong
def shared(array):
    array *= 0
    return torch.from_numpy(array)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: frombuffer needs a contiguous array -> raised
def shared(array):
    tensor = torch.frombuffer(array.data, dtype=torch.from_numpy(array[:0]).dtype)
    return tensor.reshape(array.shape)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: float64 -> Say which dtype
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float64)


# %% wrong: gradients left off -> left gradients switched off
def shared(array):
    torch.set_grad_enabled(False)
    return torch.from_numpy(array)


def float_copy(array):
    return torch.tensor(array, dtype=torch.float32)


# %% wrong: the decimals are lost -> is wrong
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array.astype("int64")).float()


# %% wrong: through 16 bits -> is wrong
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    return torch.from_numpy(array).half().float()


# %% wrong: every copy in the same memory -> made for another array
stores = {}


def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    store = stores.setdefault(array.shape, torch.empty(array.shape))
    return store.copy_(torch.from_numpy(array))


# %% wrong: vectors and matrices only -> is wrong
def shared(array):
    return torch.from_numpy(array)


def float_copy(array):
    copy = torch.zeros(array.shape)
    for place in np.ndindex(array.shape[:2]):
        copy[place] = float(np.ravel(array[place])[0])
    return copy
