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
