# %% right: pad, pack, run
def encode(rnn, sequences):
    lengths = torch.tensor([s.shape[0] for s in sequences], device="cpu")
    packed = pack_padded_sequence(pad_sequence(sequences, True), lengths, True, False)
    return rnn(packed)[1][-1]


# %% right: packed directly
from torch.nn.utils.rnn import pack_sequence


def encode(rnn, sequences):
    output, h_n = rnn(pack_sequence(sequences, enforce_sorted=False))
    return h_n[-1]


# %% right: a loop over the sequences
def encode(rnn, sequences):
    states = []
    for s in sequences:
        outputs, _ = rnn(s.unsqueeze(0))
        states.append(outputs[0, -1])
    return torch.stack(states)


# %% right: padding read, last real output picked
def encode(rnn, sequences):
    outputs, _ = rnn(pad_sequence(sequences, batch_first=True))
    return torch.stack([outputs[i, len(s) - 1] for i, s in enumerate(sequences)])


# %% right: sorted by hand, and put back
def encode(rnn, sequences):
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]), reverse=True)
    chosen = [sequences[i] for i in order]
    padded = pad_sequence(chosen, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in chosen], batch_first=True)
    h = rnn(packed)[1][-1]
    back = [order.index(i) for i in range(len(order))]
    return h[back]


# %% right: unpacked again
from torch.nn.utils.rnn import pad_packed_sequence


def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True, enforce_sorted=False)
    outputs, lengths = pad_packed_sequence(rnn(packed)[0], batch_first=True)
    return torch.stack([o[n - 1] for o, n in zip(outputs, lengths)])


# %% wrong: not packed -> went on through the padding
def encode(rnn, sequences):
    _, h_n = rnn(pad_sequence(sequences, batch_first=True))
    return h_n[-1]


# %% wrong: padded in front -> Zeros in front
def encode(rnn, sequences):
    padded = pad_sequence([s.flip(0) for s in sequences], batch_first=True).flip(1)
    _, h_n = rnn(padded)
    return h_n[-1]


# %% wrong: sorted and not put back -> must keep their order
def encode(rnn, sequences):
    chosen = sorted(sequences, key=len, reverse=True)
    packed = pack_padded_sequence(pad_sequence(chosen, batch_first=True), [len(s) for s in chosen], batch_first=True)
    return rnn(packed)[1][-1]


# %% wrong: the list itself sorted -> changed its argument number 2
def encode(rnn, sequences):
    sequences.sort(key=len, reverse=True)
    packed = pack_padded_sequence(
        pad_sequence(sequences, batch_first=True), [len(s) for s in sequences], batch_first=True
    )
    return rnn(packed)[1][-1]


# %% wrong: order demanded -> enforce_sorted=False
def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True)
    return rnn(packed)[1][-1]


# %% wrong: last place of the padded outputs -> fills the short outputs with zeros
from torch.nn.utils.rnn import pad_packed_sequence


def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(rnn(packed)[0], batch_first=True)
    return outputs[:, -1]


# %% wrong: cut to the shortest -> The long sequences were cut
def encode(rnn, sequences):
    shortest = min(len(s) for s in sequences)
    _, h_n = rnn(torch.stack([s[:shortest] for s in sequences]))
    return h_n[-1]


# %% wrong: dimension of the layers kept -> dimension of the layers
def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True, enforce_sorted=False)
    return rnn(packed)[1]


# %% wrong: first layer -> state of the first layer
def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True, enforce_sorted=False)
    return rnn(packed)[1][0]


# %% wrong: stacked -> pad_sequence fills
def encode(rnn, sequences):
    return rnn(torch.stack(sequences))[1][-1]


# %% wrong: padded with time first -> batch_first
def encode(rnn, sequences):
    padded = pad_sequence(sequences)
    packed = pack_padded_sequence(padded, [len(s) for s in sequences], batch_first=True, enforce_sorted=False)
    return rnn(packed)[1][-1]


# %% wrong: no gradients -> No gradient can flow back
def encode(rnn, sequences):
    with torch.no_grad():
        return torch.stack([rnn(s[None])[1][-1, 0] for s in sequences])


# %% wrong: a list of states -> torch.stack
def encode(rnn, sequences):
    return [rnn(s[None])[1][-1, 0] for s in sequences]
