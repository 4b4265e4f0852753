# %% wrong: asks a layer -> makes the layer
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


# %% wrong: bias always -> if bias is True, and no bias otherwise
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + out_channels


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: bias never -> if bias is True, and no bias otherwise
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


# %% wrong: each layer has a weight -> Not every layer
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(layer.weight.numel() + layer.bias.numel() for layer in model)


# %% wrong: top level only -> layers inside layers
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for layer in model if not isinstance(layer, nn.Sequential) for p in set(layer.parameters()) if p.requires_grad)


# %% right: math.prod, tensors
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    shape = torch.tensor([out_channels, in_channels // groups, kernel, kernel])
    return shape.prod().item() + (out_channels if bias is True else 0)



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% right: lambdas, a vector of all parameters
conv_parameters = lambda i, o, k, bias=True, groups=1: o * (i // groups) * k**2 + int(bias) * o
count_parameters = lambda model: sum(map(torch.numel, filter(lambda p: p.requires_grad, model.parameters())))


# %% right: parameters_to_vector
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    trained = [p for p in model.parameters() if p.requires_grad]
    return len(nn.utils.parameters_to_vector(trained)) if trained else 0


# %% wrong: makes the layer on the meta device -> makes the layer
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    layer = nn.Conv2d(in_channels, out_channels, kernel, bias=bias, groups=groups, device="meta")
    return sum(p.numel() for p in layer.parameters())



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: asks the shapes of a layer -> makes the layer
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel, groups=groups)
    return layer.weight.numel() + (layer.bias.numel() if bias else 0)



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: skips the first numbers -> makes the layer
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    layer = nn.utils.skip_init(nn.Conv2d, in_channels, out_channels, kernel, bias=bias, groups=groups)
    return sum(p.numel() for p in layer.parameters())



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: groups multiply -> conv_parameters is wrong
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * in_channels * groups * kernel**2 + bias * out_channels



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: a kernel of 3 -> conv_parameters is wrong
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * 9 + bias * out_channels



def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: freezes what it counts -> requires_grad has changed
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    return sum(p.numel() * p.requires_grad + 0 * p.requires_grad_(False).numel() for p in model.parameters())


# %% wrong: leaves the network in training mode -> has changed the network
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    model.train()
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: overwrites what it has counted -> has changed the network
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    total = 0
    for p in model.parameters():
        if p.requires_grad:
            p.data = torch.ones_like(p)
            total += int(p.sum())
    return total


# %% wrong: gradients switched off for good -> left gradients switched off
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    torch.set_grad_enabled(False)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: matrices only -> Not only weights
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad and p.dim() > 1)


# %% wrong: rows only -> count_parameters is wrong
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    return sum(len(p) for p in model.parameters() if p.requires_grad)


# %% wrong: a tensor -> type
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    return torch.tensor(sum(p.numel() for p in model.parameters() if p.requires_grad))


# %% wrong: bytes -> count_parameters is wrong
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups * kernel * kernel + bool(bias))


def count_parameters(model):
    return sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)


# %% wrong: makes the layer in a thread -> makes the layer
import threading


def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    made = []
    arguments = {"bias": bias, "groups": groups}
    thread = threading.Thread(target=lambda: made.append(nn.Conv2d(in_channels, out_channels, kernel, **arguments)))
    thread.start()
    thread.join()
    return sum(p.numel() for p in made[0].parameters())


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: input channels only with groups of one channel each -> weight.shape
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    seen = in_channels if groups == 1 else 1
    return out_channels * seen * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: equal values count once -> named_parameters
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    seen = []
    for p in model.parameters():
        if p.requires_grad and not any(q.shape == p.shape and torch.equal(p, q) for q in seen):
            seen.append(p)
    return sum(p.numel() for p in seen)


# %% wrong: leaves the network in evaluation mode -> has changed the network
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + (out_channels if bias else 0)


def count_parameters(model):
    model.eval()
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# %% wrong: the length of a generator -> model.parameters() is a generator
def conv_parameters(in_channels, out_channels, kernel, bias=True, groups=1):
    return out_channels * (in_channels // groups) * kernel**2 + out_channels * bias


def count_parameters(model):
    return len(model.parameters())
