# %% right: roll the window
@torch.no_grad()
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, values = start.clone(), []
    for _ in range(steps):
        value = model(window)
        values.append(value)
        window = window.roll(-1, dims=1)
        window[:, -1] = value
    model.train(mode)
    return torch.stack(values, dim=1)


# %% right: one growing series, of which the end is shown
def generate(model, start, steps):
    training, length = model.training, start.shape[1]
    model.eval()
    series = start
    try:
        with torch.no_grad():
            for _ in range(steps):
                series = torch.cat([series, model(series[:, -length:])[:, None]], dim=1)
    finally:
        model.train(training)
    return series[:, length:]


# %% right: room made first
def generate(model, start, steps):
    batch, length, _ = start.shape
    was_training = model.training
    model.eval()
    series = start.new_zeros(batch, length + steps, 1)
    series[:, :length] = start
    with torch.no_grad():
        for i in range(steps):
            series[:, length + i] = model(series[:, i : i + length])
    if was_training:
        model.train()
    return series[:, length:]


# %% right: a list of columns, inference mode
def generate(model, start, steps):
    mode = model.training
    columns = list(start.unbind(1))
    length = len(columns)
    with torch.inference_mode():
        model.eval()
        while len(columns) < length + steps:
            columns.append(model(torch.stack(columns[-length:], 1)))
    model.train(mode)
    return torch.stack(columns[length:], 1)


# %% wrong: no evaluation mode -> training mode while it predicted
def generate(model, start, steps):
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    return torch.stack(predictions, dim=1)


# %% wrong: mode not put back -> in another mode than before
def generate(model, start, steps):
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    return torch.stack(predictions, dim=1)


# %% wrong: always back to training -> in another mode than before
def generate(model, start, steps):
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train()
    return torch.stack(predictions, dim=1)


# %% wrong: graph recorded -> A graph was recorded
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    for _ in range(steps):
        predictions.append(model(window))
        window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1).detach()


# %% wrong: not fed back -> Each prediction must go into the window
def generate(model, start, steps):
    mode = model.training
    model.eval()
    with torch.no_grad():
        predictions = [model(start) for _ in range(steps)]
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: window grows -> The window grew
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window, predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: newest value in front -> belongs to the end of the window
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([predictions[-1].unsqueeze(1), window[:, :-1]], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: last value overwritten -> The window must move on
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start.clone(), []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window[:, -1] = predictions[-1]
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: start is part of the result -> without those of start
def generate(model, start, steps):
    mode = model.training
    model.eval()
    series = start
    with torch.no_grad():
        for _ in range(steps):
            series = torch.cat([series, model(series[:, -start.shape[1] :])[:, None]], dim=1)
    model.train(mode)
    return series


# %% wrong: no last dimension -> (B, steps, 1)
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.cat(predictions, dim=1)


# %% wrong: time before batch -> The batch comes first
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions)


# %% wrong: start written over -> changed its argument number 2
def generate(model, start, steps):
    mode = model.training
    model.eval()
    predictions = []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(start))
            start[:, :-1] = start[:, 1:].clone()
            start[:, -1] = predictions[-1]
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: dimension of the prediction forgotten -> insert a dimension
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1]], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% right: one sequence after the other
def generate(model, start, steps):
    mode = model.training
    model.eval()
    curves = []
    with torch.no_grad():
        for sequence in start:
            values = list(sequence)
            for _ in range(steps):
                values.append(model(torch.stack(values[-len(sequence) :])[None])[0])
            curves.append(torch.stack(values[len(sequence) :]))
    model.train(mode)
    return torch.stack(curves)


# %% right: a copy of the model, forward by name, a deque
import copy
from collections import deque


def generate(model, start, steps):
    twin = copy.deepcopy(model).requires_grad_(False).eval()
    window, result = deque(start.unbind(dim=1), maxlen=start.size(1)), []
    for _ in range(steps):
        window.append(twin.forward(torch.stack(tuple(window), dim=1)))
        result.append(window[-1])
    return torch.stack(result, dim=1)


# %% right: recursion, a context manager for the mode
from contextlib import contextmanager


@contextmanager
def evaluation(model):
    mode = model.training
    try:
        yield model.eval()
    finally:
        model.train(mode)


def _more(model, window, steps):
    new = model(window)[:, None, :]
    if steps == 1:
        return new
    return torch.cat((new, _more(model, torch.cat((window[:, 1:], new), 1), steps - 1)), 1)


def generate(model, start, steps):
    with evaluation(model), torch.no_grad():
        return _more(model, start, steps)


# %% wrong: a window of ten, as in the lecture -> write no fixed length
def generate(model, start, steps):
    mode = model.training
    model.eval()
    series = start
    with torch.no_grad():
        for _ in range(steps):
            series = torch.cat([series, model(series[:, -10:])[:, None]], dim=1)
    model.train(mode)
    return series[:, start.shape[1] :]


# %% wrong: a window of two -> no fixed length
def generate(model, start, steps):
    mode = model.training
    model.eval()
    series = start
    with torch.no_grad():
        for _ in range(steps):
            series = torch.cat([series, model(series[:, -2:])[:, None]], dim=1)
    model.train(mode)
    return series[:, start.shape[1] :]


# %% wrong: the model is frozen -> do not require gradients any more
def generate(model, start, steps):
    mode = model.training
    model.eval()
    model.requires_grad_(False)
    window, predictions = start, []
    for _ in range(steps):
        predictions.append(model(window))
        window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: the weights are rounded afterwards -> weights have changed
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
        for p in model.parameters():
            p.copy_(p.half())
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: only the outermost module is switched -> training mode while it predicted
def generate(model, start, steps):
    mode = model.training
    model.training = False
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.training = mode
    return torch.stack(predictions, dim=1)


# %% wrong: only the outermost module is switched back -> in another mode than before
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.training = mode
    return torch.stack(predictions, dim=1)


# %% wrong: the model is not used -> The model was not called
def generate(model, start, steps):
    return start.mean(dim=1, keepdim=True).expand(-1, steps, -1).clone()


# %% wrong: stops one early and repeats the last -> The generated series
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(max(1, steps - 1)):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    predictions += predictions[-1:] * (steps - len(predictions))
    return torch.stack(predictions, dim=1)


# %% wrong: gradients stay off -> left gradients switched off
def generate(model, start, steps):
    mode = model.training
    model.eval()
    torch.set_grad_enabled(False)
    window, predictions = start, []
    for _ in range(steps):
        predictions.append(model(window))
        window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1)


# %% wrong: the result is a parameter -> requires a gradient
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1).requires_grad_()


# %% wrong: one sequence only -> The generated series
def generate(model, start, steps):
    mode = model.training
    model.eval()
    window, predictions = start[:1], []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(mode)
    return torch.stack(predictions, dim=1).expand(len(start), -1, -1)

# %% wrong: frozen, and all of it thawed afterwards -> A parameter that was frozen
def generate(model, start, steps):
    was_training = model.training
    model.eval().requires_grad_(False)
    window, predictions = start, []
    for _ in range(steps):
        predictions.append(model(window))
        window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(was_training).requires_grad_(True)
    return torch.stack(predictions, dim=1)


# %% wrong: the gradients are cleared -> The gradients that the network's parameters hold
def generate(model, start, steps):
    was_training = model.training
    model.eval()
    model.zero_grad()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(was_training)
    return torch.stack(predictions, dim=1)


# %% wrong: a sequence is dropped in place of a value -> window[1:] a whole sequence
def generate(model, start, steps):
    was_training = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(was_training)
    return torch.stack(predictions, dim=1)


# %% wrong: a list of predictions -> makes one tensor of a list
def generate(model, start, steps):
    was_training = model.training
    model.eval()
    window, predictions = start, []
    with torch.no_grad():
        for _ in range(steps):
            predictions.append(model(window))
            window = torch.cat([window[:, 1:], predictions[-1].unsqueeze(1)], dim=1)
    model.train(was_training)
    return predictions
