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


# %% wrong: end of the padded row -> is padding
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
