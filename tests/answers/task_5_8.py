# %% right: as in the lecture
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.rnn = nn.GRU(width, hidden, 1, batch_first=True)
        self.fc = nn.Linear(hidden, width)

    def forward(self, x):
        h = torch.zeros(1, len(x), self.rnn.hidden_size, device=x.device)
        x, h = self.rnn(x, h)
        return self.fc(x)


def complete(model, top, rows):
    canvas = top.new_zeros(len(top), top.shape[1] + rows, top.shape[2])
    canvas[:, : top.shape[1]] = top
    for t in range(top.shape[1], canvas.shape[1]):
        with torch.no_grad():
            canvas[:, t] = model(canvas[:, :t])[:, -1]
    return canvas


# %% right: time first inside
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.head, self.body = nn.Linear(hidden, width), nn.GRU(width, hidden)

    def forward(self, x):
        states = self.body(x.transpose(0, 1))[0]
        return self.head(states).transpose(0, 1)


@torch.no_grad()
def complete(model, top, rows):
    if rows == 0:
        return top
    return complete(model, torch.cat((top, model(top)[:, -1].unsqueeze(1)), 1), rows - 1)


# %% right: modules in a ModuleDict, a list of rows
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.parts = nn.ModuleDict({'gru': nn.GRU(width, hidden, batch_first=True), 'out': nn.Linear(hidden, width)})

    def forward(self, x):
        return self.parts['out'](self.parts['gru'](x)[0])


def complete(model, top, rows):
    lines = list(top.unbind(1))
    with torch.inference_mode():
        for _ in range(rows):
            lines.append(model(torch.stack(lines, dim=1))[:, -1])
    return torch.stack(lines, dim=1)


# %% right: a cell, step by step
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.cell = nn.GRUCell(width, hidden)
        self.hidden = hidden
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], self.hidden)
        rows = []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            rows.append(self.linear(h))
        return torch.stack(rows, dim=1)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% right: evaluation mode too
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    mode = model.training
    model.eval()
    picture = top.clone()
    with torch.no_grad():
        while rows > 0:
            new = model(picture)
            picture = torch.cat([picture, new[:, new.shape[1] - 1].unsqueeze(1)], dim=1)
            rows -= 1
    model.train(mode)
    return picture


# %% wrong: batch_first forgotten -> batch_first=True is missing
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: no linear layer -> exactly one linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return outputs


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: linear layer unused -> linear layer is not used
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return outputs


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: only the last row -> not for the last only
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs[:, -1])


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: last state in place of the outputs -> got the last state
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        _, h = self.gru(x)
        return self.linear(h)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: LSTM -> weights are those of an nn.LSTM
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.LSTM(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: RNN -> weights are those of an nn.RNN
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.RNN(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: two layers -> exactly one GRU of one layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, 2, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: sigmoid at the end -> Nothing follows the linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return torch.sigmoid(self.linear(outputs))


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: sizes exchanged -> nn.GRU(width, hidden, batch_first=True)
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(hidden, width, batch_first=True)
        self.linear = nn.Linear(width, hidden)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: fixed hidden size -> nn.GRU(width, hidden, batch_first=True)
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, 128, batch_first=True)
        self.linear = nn.Linear(128, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: both results into the linear layer -> two things
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        return self.linear(self.gru(x))


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: each row for itself -> read on its own
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        rows = [self.gru(x[:, t : t + 1])[0] for t in range(x.shape[1])]
        return self.linear(torch.cat(rows, dim=1))


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: detached -> so that gradients reach both layers
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs.detach())


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: super forgotten -> super().__init__()
class Completer(nn.Module):
    def __init__(self, width, hidden):
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: only the new rows -> Return the whole picture
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture[:, top.shape[1] :]


# %% wrong: not fed back -> must go back in
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    with torch.no_grad():
        new = model(top)[:, -1:]
    return torch.cat([top] + [new] * rows, dim=1)


# %% wrong: only the last row goes in -> not the last row alone
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture[:, -1:])], dim=1)
    return picture


# %% wrong: a sliding window -> first rows are dropped
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture[:, -top.shape[1] :])[:, -1:]], dim=1)
    return picture


# %% wrong: prediction for the first row -> prediction for the *last* row
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, :1]], dim=1)
    return picture


# %% wrong: given rows replaced -> given rows stay as they are
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            new = model(picture)
            picture = torch.cat([picture, new[:, -1:]], dim=1)
        return torch.cat([new[:, : top.shape[1]], picture[:, top.shape[1] :]], dim=1)


# %% wrong: all predictions put below -> B, T + rows, W
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)], dim=1)
    return picture


# %% wrong: one row too few -> One row is missing
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows - 1):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: row without its dimension -> must be (B, 1, W)
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1]], dim=1)
    return picture


# %% wrong: graph recorded -> A graph was recorded
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% right: a Sequential with a small module that drops the state
class Outputs(nn.Module):
    def forward(self, result):
        return result[0]


class Completer(nn.Sequential):
    def __init__(self, width, hidden):
        super().__init__(nn.GRU(width, hidden, batch_first=True), Outputs(), nn.Linear(hidden, width))


def complete(model, top, rows):
    picture = torch.empty(top.size(0), top.size(1) + rows, top.size(2))
    picture[:, : top.size(1)] = top
    for t in range(top.size(1), picture.size(1)):
        with torch.inference_mode():
            picture[:, t] = model.forward(picture[:, :t])[:, -1]
    return picture


# %% right: one picture after the other, a frozen copy
class Completer(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(input_size=width, hidden_size=hidden, num_layers=1, batch_first=True, bias=True)
        self.to_row = nn.Linear(in_features=hidden, out_features=width)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(self.recurrent(rows)[0], self.to_row.weight, self.to_row.bias)


import copy


def complete(model, top, rows):
    twin = copy.deepcopy(model).requires_grad_(False)
    finished = []
    for picture in top.split(1):
        for _ in range(rows):
            picture = torch.cat((picture, twin(picture)[:, [-1]]), dim=1)
        finished.append(picture)
    return torch.cat(finished)


# %% wrong: the state is handed on, as in the lecture -> keeps no state
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    predictions, state = model(top, None)
    picture = torch.cat([top, predictions[:, -1:]], dim=1)
    for _ in range(rows - 1):
        new, state = model(picture[:, -1:], state)
        picture = torch.cat([picture, new], dim=1)
    return picture


# %% wrong: the state by name -> keeps no state
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture, state = top, None
    for _ in range(rows):
        new, state = model(picture, state=state)
        picture = torch.cat([picture, new[:, -1:]], dim=1)
    return picture


# %% wrong: new rows are clamped, as in the lecture -> clamp when you show it
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:].clamp(0, 1)], dim=1)
    return picture


# %% wrong: the whole picture is clamped at the end -> clamp when you show it
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture.clamp(0, 1)


# %% wrong: the first rows, then the newest alone -> in each call its memory is empty
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    new = model(top)[:, -1:]
    picture = torch.cat([top, new], dim=1)
    for _ in range(rows - 1):
        new = model(new)
        picture = torch.cat([picture, new], dim=1)
    return picture


# %% wrong: two results are unpacked -> returns one, the predictions
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        predictions, _ = model(picture)
        picture = torch.cat([picture, predictions[:, -1:]], dim=1)
    return picture


# %% wrong: parts of the model are used by name -> use no part of it by name
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture, (outputs, state) = top, model.gru(top)
    for _ in range(rows):
        new = model.linear(outputs[:, -1:])
        picture = torch.cat([picture, new], dim=1)
        outputs, state = model.gru(new, state)
    return picture


# %% wrong: the model is frozen -> do not require gradients any more
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    model.requires_grad_(False)
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: gradients stay off -> left gradients switched off
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    torch.set_grad_enabled(False)
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: the model is not used -> The model was not called
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    return torch.cat([top, top[:, -1:].expand(-1, rows, -1)], dim=1)


# %% wrong: the weights are changed -> weights have changed
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    for p in model.parameters():
        p.mul_(0.5)
    return picture


# %% wrong: the given rows are written over -> changed its argument number 2
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


@torch.no_grad()
def complete(model, top, rows):
    picture = top
    for _ in range(rows):
        picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    top.clamp_(0, 1)
    return picture


# %% wrong: dropout between the layers -> layer such as Dropout or BatchNorm
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(self.drop(outputs))


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: dropout of the GRU's inputs -> layer such as Dropout or BatchNorm
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(self.drop(x))
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: a layer normalisation too -> exactly one linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(self.norm(outputs))


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: the state is returned too -> return the predictions alone
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, state = self.gru(x)
        return self.linear(outputs), state


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[0][:, -1:]], dim=1)
    return picture


# %% wrong: outputs are clamped in forward -> Nothing follows the linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs).clamp(0, 1)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: a ReLU between -> Nothing stands between
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs.relu())


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: only the linear layer learns -> training would not move this parameter
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        with torch.no_grad():
            outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: a linear layer without bias -> exactly one linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: both directions -> exactly one GRU
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: another name in forward -> stored under the same name
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.head(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture

# %% wrong: the state stays in the network from call to call -> when the network is called again
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, width)
        self.state = None

    def forward(self, x):
        outputs, state = self.gru(x, self.state)
        self.state = state.detach()
        return self.linear(outputs)


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture


# %% wrong: a layer that is never used -> more than a GRU and a linear layer
class Completer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.Linear(hidden, width)

    def forward(self, x):
        return self.linear(self.gru(x)[0])


def complete(model, top, rows):
    picture = top
    with torch.no_grad():
        for _ in range(rows):
            picture = torch.cat([picture, model(picture)[:, -1:]], dim=1)
    return picture
