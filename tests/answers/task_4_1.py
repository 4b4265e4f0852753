# %% right: the formula with floor
import math


def output_size(size, kernel, stride=1, padding=0, dilation=1):
    reach = dilation * (kernel - 1) + 1
    return math.floor((size + 2 * padding - reach) / stride) + 1


# %% right: count the places
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    places, start = 0, 0
    while start + dilation * (kernel - 1) < size + 2 * padding:
        places, start = places + 1, start + stride
    return places


# %% right: length of a range
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return len(range(0, size + 2 * padding - dilation * (kernel - 1), stride))


# %% right: ask the layer
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    layer = nn.Conv1d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation)
    return layer(torch.zeros(1, 1, size)).shape[-1]


# %% right: divmod, with other names inside
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    room = size + padding + padding - 1 - (kernel - 1) * dilation
    jumps, _ = divmod(room, stride)
    return jumps + 1


# %% wrong: one too few -> first place counts as well
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride


# %% wrong: true division -> drops the rest
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


# %% wrong: padding on one side -> it counts twice
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


# %% wrong: without padding -> padding is left out
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size - dilation * (kernel - 1) - 1) // stride + 1


# %% wrong: without dilation -> dilation is left out
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - kernel) // stride + 1


# %% wrong: kernel times dilation -> one gap fewer than pixels
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * kernel) // stride + 1


# %% wrong: rounded up -> always round down
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return -(-(size + 2 * padding - dilation * (kernel - 1) - 1) // stride) + 1


# %% wrong: rounded -> always round down
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return round((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


# %% wrong: without stride -> stride is left out
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return size + 2 * padding - dilation * (kernel - 1)


# %% wrong: the one inside the division -> added after the division
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1)) // stride


# %% wrong: // with a float -> An int is asked for
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1.0


# %% wrong: printed -> end with `return`
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    print((size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


# %% right: a dry run on the meta device
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    layer = nn.Conv1d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation, device="meta")
    return layer(torch.empty(1, 1, size, device="meta")).shape[-1]


# %% right: named steps, an int of a float
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    effective_kernel = kernel + (kernel - 1) * (dilation - 1)
    return int((size - effective_kernel + 2 * padding) / stride) + 1


# %% right: a lambda
output_size = lambda size, kernel, stride=1, padding=0, dilation=1: (
    1 + (size + 2 * padding - (dilation * kernel - dilation + 1)) // stride
)


# %% right: a loop
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    row, count = [0] * (size + 2 * padding), 0
    while len(row) > dilation * (kernel - 1):
        count += 1
        row = row[stride:]
    return count


# %% wrong: dilation as a gap -> nothing lies between them
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - (kernel + (kernel - 1) * dilation)) // stride + 1


# %% wrong: size by stride, rounded up -> size / stride, rounded up
import math


def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return math.ceil(size / stride)


# %% wrong: math.ceil -> always round down
import math


def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return math.ceil((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


# %% wrong: padding added once for each pixel of the kernel -> The size is wrong
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + padding * kernel - dilation * (kernel - 1) - 1) // stride + 1


# %% wrong: only the size of the text -> The size is wrong
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return 28


# %% wrong: a tensor -> type
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return torch.tensor((size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


# %% wrong: dilation of the padding too -> The size is wrong
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding * dilation - dilation * (kernel - 1) - 1) // stride + 1


# %% wrong: stride applied to the size first -> The size is wrong
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return size // stride + 2 * padding - dilation * (kernel - 1)
