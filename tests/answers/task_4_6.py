# %% right: asks a layer, and a loop
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    layer = nn.Conv2d(in_channels, out_channels, kernel, bias=bias, groups=groups)
    return sum(p.numel() for p in layer.parameters())


def count_parameters(model):
    total = 0
    for p in model.parameters():
        if p.requires_grad:
            total += p.numel()
    return total


# %% right: group by group, named parameters
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    one = kernel * kernel * in_channels // groups * out_channels // groups
    return groups * one + int(bias) * out_channels


def count_parameters(model):
    return sum(p.nelement() for _, p in model.named_parameters() if p.requires_grad)


# %% right: shapes and identities by hand
import math


def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    per_filter = in_channels * kernel**2 // groups
    if bias:
        per_filter += 1
    return out_channels * per_filter


def count_parameters(model):
    found = {}
    for layer in model.modules():
        for p in layer.parameters(recurse=False):
            if p.requires_grad:
                found[id(p)] = math.prod(p.shape)
    return sum(found.values())


# %% right: a vector of all
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * in_channels * kernel**2 // groups + out_channels * bias


def count_parameters(model):
    trained = [p.flatten() for p in model.parameters() if p.requires_grad]
    return len(torch.cat(trained))


# %% wrong: groups ignored -> sees in_channels // groups channels only
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * in_channels * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: bias always -> if there is a bias, and else none
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + out_channels


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: bias never -> if there is a bias, and else none
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: bias of the input channels -> number of biases is that of the output
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (in_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: one bias for all -> a bias of its own
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + bias


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: kernel not squared -> k * k weights
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: both divided by groups -> whatever groups is
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return (out_channels // groups) * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: true division -> An int is asked for
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * in_channels / groups * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: a bias for each channel seen -> not one for each channel that it sees
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * (kernel**2 + bias)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: frozen ones too -> A frozen parameter is not trained
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters())


# %% wrong: state_dict -> running mean
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(t.numel() for t in model.state_dict().values())


# %% wrong: number of tensors -> number of tensors
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return len([p for p in model.parameters() if p.requires_grad])


# %% wrong: shared ones twice -> exists once
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    total = 0
    for layer in model.modules():
        for p in layer.parameters(recurse=False):
            if p.requires_grad:
                total += p.numel()
    return total


# %% wrong: walk through the top layers -> exists once
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for layer in model for p in layer.parameters() if p.requires_grad)


# %% wrong: weights only -> Not only weights
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for n, p in model.named_parameters() if p.requires_grad and 'bias' not in n)


# %% wrong: each layer has a weight -> Not each layer
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(layer.weight.numel() + layer.bias.numel() for layer in model)


# %% wrong: top level only -> Not only weights
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for layer in model if not isinstance(layer, nn.Sequential) for p in set(layer.parameters()) if p.requires_grad)
