# %% right: pairs of indices
def last_valid(outputs, lengths):
    return outputs[torch.arange(outputs.shape[0], device=outputs.device), lengths - 1]


# %% right: a loop
def last_valid(outputs, lengths):
    picked = []
    for i in range(len(lengths)):
        picked.append(outputs[i, lengths[i] - 1])
    return torch.stack(picked)


# %% right: zip
def last_valid(outputs, lengths):
    return torch.stack([row[:n][-1] for row, n in zip(outputs, lengths.tolist())])


# %% right: gather
def last_valid(outputs, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(2))
    return outputs.gather(1, index).squeeze(1)


# %% right: a mask
def last_valid(outputs, lengths):
    steps = torch.arange(outputs.shape[1], device=lengths.device)
    return outputs[steps == (lengths - 1)[:, None]]


# %% wrong: end of the padded row -> padding, for every sequence
def last_valid(outputs, lengths):
    return outputs[:, -1]


# %% wrong: one too far -> one too large
def last_valid(outputs, lengths):
    return outputs[torch.arange(len(lengths)), lengths]


# %% wrong: one too far, but inside -> one too large
def last_valid(outputs, lengths):
    return outputs[torch.arange(len(lengths)), lengths.clamp(max=outputs.shape[1] - 1)]


# %% wrong: one too early -> one too small
def last_valid(outputs, lengths):
    return outputs[torch.arange(len(lengths)), lengths - 2]


# %% wrong: every index of every sequence -> every sequence
def last_valid(outputs, lengths):
    return outputs[:, lengths - 1]


# %% wrong: one index for all -> a length of its own
def last_valid(outputs, lengths):
    return outputs[:, lengths.max() - 1]


# %% wrong: counted from the end -> from the front
def last_valid(outputs, lengths):
    return outputs[torch.arange(len(lengths)), -lengths]


# %% wrong: mean -> This is the mean
def last_valid(outputs, lengths):
    mask = torch.arange(outputs.shape[1]) < lengths[:, None]
    return (outputs * mask[:, :, None]).sum(dim=1) / lengths[:, None]


# %% wrong: a dimension too many -> without a dimension of time
def last_valid(outputs, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(2))
    return outputs.gather(1, index)


# %% wrong: lengths changed -> changed its argument number 2
def last_valid(outputs, lengths):
    lengths -= 1
    return outputs[torch.arange(len(lengths)), lengths]


# %% wrong: by values -> No gradient can flow back
def last_valid(outputs, lengths):
    return torch.tensor([outputs[i, n - 1].tolist() for i, n in enumerate(lengths)])


# %% right: where, and a sum
def last_valid(outputs, lengths):
    places = torch.arange(outputs.shape[1], device=outputs.device)
    last = places == lengths[:, None] - 1
    return torch.where(last[:, :, None], outputs, 0.0).sum(dim=1)


# %% right: take_along_dim, named arguments
def last_valid(outputs, lengths):
    return torch.take_along_dim(input=outputs, indices=(lengths - 1)[:, None, None], dim=1)[:, 0]


# %% right: the batch laid out in one row
def last_valid(outputs, lengths):
    B, T, H = outputs.shape
    offsets = torch.arange(B, device=outputs.device) * T
    return outputs.reshape(B * T, H).index_select(0, offsets + lengths - 1)


# %% right: masked_fill, a lambda
last_valid = lambda outputs, lengths: outputs.masked_fill(  # noqa: E731
    (torch.arange(outputs.shape[1]) != (lengths - 1)[:, None])[..., None], 0
).sum(1)


# %% wrong: a product with one-hot rows -> 0 * nan is nan
def last_valid(outputs, lengths):
    one_hot = nn.functional.one_hot(lengths - 1, outputs.shape[1]).to(outputs.dtype)
    return (outputs * one_hot[..., None]).sum(1)


# %% wrong: a product with one-hot rows, einsum -> 0 * nan is nan
def last_valid(outputs, lengths):
    one_hot = nn.functional.one_hot(lengths - 1, outputs.shape[1]).to(outputs.dtype)
    return torch.einsum("bth,bt->bh", outputs, one_hot)


# %% wrong: the last step that is not 0 -> the lengths do
def last_valid(outputs, lengths):
    steps = (outputs != 0).any(dim=-1).sum(dim=1)
    return outputs[torch.arange(len(outputs)), steps - 1]


# %% wrong: detached -> No gradient can flow back
def last_valid(outputs, lengths):
    return outputs.detach()[torch.arange(len(lengths)), lengths - 1]


# %% wrong: sizes of 1 are lost -> The result
def last_valid(outputs, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(2))
    return outputs.gather(1, index).squeeze()


# %% wrong: the padding is cleared in place -> changed its argument number 1
def last_valid(outputs, lengths):
    for row, n in zip(outputs.data, lengths):
        row[n:] = 0
    return outputs[torch.arange(len(lengths)), lengths - 1]


# %% wrong: a list -> must be a tensor
def last_valid(outputs, lengths):
    return [outputs[i, n - 1] for i, n in enumerate(lengths)]


# %% wrong: half the gradient -> gradient that flows back
def last_valid(outputs, lengths):
    picked = outputs[torch.arange(len(lengths)), lengths - 1]
    return 0.5 * picked + 0.5 * picked.detach()


# %% wrong: gradients stay off -> left gradients switched off
def last_valid(outputs, lengths):
    torch.set_grad_enabled(False)
    return outputs[torch.arange(len(lengths)), lengths - 1]


# %% wrong: one index -> Dimension 0 of outputs is the batch
def last_valid(outputs, lengths):
    return outputs[lengths - 1]


# %% wrong: gather with too few dimensions -> gather wants an index
def last_valid(outputs, lengths):
    return outputs.gather(1, lengths - 1)


# %% wrong: torch.tensor of a list of tensors -> torch.stack makes one
def last_valid(outputs, lengths):
    return torch.tensor([outputs[i, lengths[i] - 1] for i in range(len(lengths))])
