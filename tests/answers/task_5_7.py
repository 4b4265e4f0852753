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


# %% wrong: the list itself sorted -> sorted(sequences
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


# %% right: step by step
def encode(rnn, sequences):
    rows = []
    for s in sequences:
        h = None
        for value in s:
            _, h = rnn(value[None, None], h)
        rows.append(h[-1, 0])
    return torch.stack(rows)


# %% right: padded by hand with another number, a state given, unbatched calls of forward
def encode(rnn, sequences):
    longest = max(map(len, sequences))
    padded = torch.stack([nn.functional.pad(s, (0, 0, 0, longest - len(s)), value=9.0) for s in sequences])
    h_0 = padded.new_zeros(rnn.num_layers, len(sequences), rnn.hidden_size)
    states, _ = rnn.forward(padded, h_0)
    index = torch.tensor([len(s) - 1 for s in sequences])
    return states[torch.arange(len(sequences)), index]


# %% right: groups of equal length
def encode(rnn, sequences):
    result = [None] * len(sequences)
    for n in {len(s) for s in sequences}:
        places = [i for i, s in enumerate(sequences) if len(s) == n]
        last = rnn(torch.stack([sequences[i] for i in places]))[1][-1]
        for place, row in zip(places, last):
            result[place] = row
    return torch.vstack(result)


# %% right: one sequence at a time, without a batch
encode = lambda rnn, sequences: torch.stack([rnn(s)[0][-1] for s in sequences])  # noqa: E731


# %% wrong: sorted in place, and put back in the result -> sorted(sequences
def encode(rnn, sequences):
    order = sorted(range(len(sequences)), key=lambda i: -len(sequences[i]))
    sequences.sort(key=len, reverse=True)
    packed = pack_padded_sequence(
        pad_sequence(sequences, batch_first=True), [len(s) for s in sequences], batch_first=True
    )
    h = rnn(packed)[1][-1]
    return h[[order.index(i) for i in range(len(order))]]


# %% wrong: the list is emptied -> The list that was given has changed
def encode(rnn, sequences):
    rows = []
    while sequences:
        rows.append(rnn(sequences.pop(0)[None])[1][-1, 0])
    return torch.stack(rows)


# %% wrong: zeros taken for padding -> Zeros at the end of a sequence
def encode(rnn, sequences):
    padded = pad_sequence(sequences, batch_first=True)
    lengths = [int((row != 0).any(dim=1).nonzero().max()) + 1 for row in padded]
    packed = pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
    return rnn(packed)[1][-1]


# %% wrong: detached, and made to look as if not -> GRU's weights
def encode(rnn, sequences):
    return torch.stack([rnn(s[None])[1][-1, 0].detach() for s in sequences]).requires_grad_()


# %% wrong: a copy of the GRU learns -> no copy of the GRU
import copy


def encode(rnn, sequences):
    twin = copy.deepcopy(rnn)
    return torch.stack([twin(s[None])[1][-1, 0] for s in sequences])


# %% wrong: the first sequence is detached -> GRU's weights
def encode(rnn, sequences):
    states = [rnn(s[None])[1][-1, 0] for s in sequences]
    states[0] = states[0].detach()
    return torch.stack(states).requires_grad_() if len(states) == 1 else torch.stack(states)


# %% wrong: the sequences are centred in place -> The list that was given has changed
def encode(rnn, sequences):
    states = torch.stack([rnn(s[None])[1][-1, 0] for s in sequences])
    for s in sequences:
        s.sub_(s.mean())
    return states


# %% wrong: the GRU is frozen -> do not require gradients any more
def encode(rnn, sequences):
    rnn.requires_grad_(False)
    return torch.stack([rnn(s[None])[1][-1, 0] for s in sequences])


# %% wrong: the state runs on from one sequence to the next -> rnn(sequence.unsqueeze(0))
def encode(rnn, sequences):
    rows, h = [], None
    for s in sequences:
        _, h = rnn(s[None], h)
        rows.append(h[-1, 0])
    return torch.stack(rows)


# %% wrong: gradients stay off -> left gradients switched off
def encode(rnn, sequences):
    torch.set_grad_enabled(False)
    return torch.stack([rnn(s[None])[1][-1, 0] for s in sequences])

# %% wrong: the GRU is left in evaluation mode -> The GRU is in another mode
def encode(rnn, sequences):
    rnn.eval()
    return rnn(nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False))[1][-1]


# %% wrong: the GRU is left with time first -> or has another batch_first
def encode(rnn, sequences):
    rnn.batch_first = False
    return torch.stack([rnn(sequence.unsqueeze(1))[1][-1, 0] for sequence in sequences])


# %% right: evaluation mode, and the old mode again
def encode(rnn, sequences):
    was_training = rnn.training
    rnn.eval()
    states = [rnn(sequence.unsqueeze(0))[0][0, -1] for sequence in sequences]
    rnn.train(was_training)
    return torch.stack(states)


# %% wrong: the list itself goes in -> and no list
def encode(rnn, sequences):
    _, h_n = rnn(sequences)
    return h_n[-1]


# %% wrong: the packed outputs are indexed -> packed too
def encode(rnn, sequences):
    lengths = [len(sequence) for sequence in sequences]
    padded = pad_sequence(sequences, batch_first=True)
    outputs, _ = rnn(pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False))
    return outputs[:, -1]


# %% wrong: the pair is taken for h_n -> second of the two results
def encode(rnn, sequences):
    lengths = [len(sequence) for sequence in sequences]
    padded = pad_sequence(sequences, batch_first=True)
    h_n = rnn(pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False))
    return h_n[-1]
