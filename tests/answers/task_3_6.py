# %% right: sums, divided by all
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% right: mean losses, weighted with their share
def accumulated_step(model, optimizer, micro_batches):
    total = torch.cat([labels for _, labels in micro_batches]).numel()
    model.zero_grad(set_to_none=False)
    losses = []
    for x, y in micro_batches:
        loss = nn.CrossEntropyLoss()(model(x), y) * (len(y) / total)
        loss.backward()
        losses.append(loss.detach())
    optimizer.step()
    return torch.stack(losses).sum()


# %% right: divides the gradients at the end
def accumulated_step(model, optimizer, micro_batches):
    for p in model.parameters():
        p.grad = None
    total = n = 0
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum")
        loss.backward()
        total, n = total + loss.item(), n + labels.shape[0]
    with torch.no_grad():
        for p in model.parameters():
            p.grad /= n
    optimizer.step()
    optimizer.zero_grad()
    return total / n


# %% right: autograd.grad, added up outside
def accumulated_step(model, optimizer, micro_batches):
    parameters = list(model.parameters())
    sums = [torch.zeros_like(p) for p in parameters]
    n = sum(x.size(0) for x, _ in micro_batches)
    mean = 0.0
    for x, y in micro_batches:
        loss = F.nll_loss(model(x).log_softmax(1), y, reduction="none").sum() / n
        for s, g in zip(sums, torch.autograd.grad(loss, parameters)):
            s += g
        mean += loss.item()
    for p, s in zip(parameters, sums):
        p.grad = s
    optimizer.step()
    return mean


# %% right: weight as the gradient that backward starts from
def accumulated_step(model, optimizer, micro_batches):
    optimizer.zero_grad()
    sizes = [len(y) for _, y in micro_batches]
    losses = []
    for (x, y), size in zip(micro_batches, sizes):
        loss = F.cross_entropy(model(x), y)
        loss.backward(torch.tensor(size / sum(sizes)))
        losses.append(loss.item())
    optimizer.step()
    return sum(loss * size for loss, size in zip(losses, sizes)) / sum(sizes)


# %% wrong: no scaling -> Multiply it by their share
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: divided by the number of pieces -> only if all have the same size
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels) / len(micro_batches)
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: sum not divided -> Divide by the number of all samples
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum")
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: zero_grad in the loop -> Only the last micro-batch counted
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        optimizer.zero_grad()
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: zero_grad in the loop, mean losses -> Only the last micro-batch counted
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: no zero_grad -> gradients of an earlier step
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: no step -> did not move
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    return mean


# %% wrong: zero_grad after the loop -> did not move
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.zero_grad()
    optimizer.step()
    return mean


# %% wrong: one step for each piece -> step() stands after the loop
def accumulated_step(model, optimizer, micro_batches):
    total = n = 0
    for inputs, labels in micro_batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total, n = total + loss.item() * len(labels), n + len(labels)
    return total / n


# %% wrong: the whole batch at once -> one micro-batch at a time
def accumulated_step(model, optimizer, micro_batches):
    inputs, labels = (torch.cat(parts) for parts in zip(*micro_batches))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% wrong: losses added, one backward -> inside the loop
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = whole = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        whole = whole + loss
        mean += loss.item()
    whole.backward()
    optimizer.step()
    return mean


# %% wrong: step and return inside the loop -> return inside the loop
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
        optimizer.step()
        return mean


# %% wrong: backward of the growing sum -> once for each micro-batch
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        mean = mean + loss
        mean.backward()
    optimizer.step()
    return mean


# %% wrong: returns the last loss -> last micro-batch only
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return loss.item()


# %% wrong: returns the mean of means -> only if all have the same size
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item() * count / len(labels) / len(micro_batches)
    optimizer.step()
    return mean


# %% wrong: returns the sum -> Divide the sum by the number of samples
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item() * count
    optimizer.step()
    return mean


# %% wrong: returns a graph -> loss.item(), or loss.detach()
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss
    optimizer.step()
    return mean


# %% wrong: returns nothing -> Return the mean loss
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    mean


# %% right: nn.CrossEntropyLoss made once, enumerate
criterion = nn.CrossEntropyLoss(reduction="sum")


def accumulated_step(model, optimizer, micro_batches):
    sizes = [y.numel() for _, y in micro_batches]
    parts = torch.zeros(len(sizes))
    optimizer.zero_grad(set_to_none=False)
    for i, (x, y) in enumerate(micro_batches):
        part = criterion(model(x), y).div(sum(sizes))
        part.backward()
        parts[i] = part.detach()
    optimizer.step()
    return float(parts.sum())


# %% right: the gradients are cleared parameter by parameter
def accumulated_step(model, optimizer, micro_batches):
    for p in model.parameters():
        p.grad = None
    n = len(torch.cat([labels for _, labels in micro_batches]))
    losses = []
    for inputs, labels in list(micro_batches):
        loss = F.nll_loss(F.log_softmax(model(inputs), dim=-1), labels) * (len(inputs) / n)
        losses.append(loss.item())
        loss.backward()
    optimizer.step()
    return sum(losses)


# %% right: the loss in float64, in a pass of its own before
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    with torch.no_grad():
        mean = sum(F.cross_entropy(model(x).double(), y, reduction="sum") for x, y in micro_batches).item() / count
    optimizer.zero_grad()
    for x, y in micro_batches:
        (F.cross_entropy(model(x), y, reduction="sum") / count).backward()
    optimizer.step()
    return mean


# %% wrong: the loss after the update -> loss after the update
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        (F.cross_entropy(model(inputs), labels, reduction="sum") / count).backward()
    optimizer.step()
    with torch.no_grad():
        return sum(F.cross_entropy(model(x), y, reduction="sum") for x, y in micro_batches).item() / count


# %% wrong: the loss of the whole batch at once -> one micro-batch at a time
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    x, y = (torch.cat(parts) for parts in zip(*micro_batches))
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        (F.cross_entropy(model(inputs), labels, reduction="sum") / count).backward()
    with torch.no_grad():
        mean = F.cross_entropy(model(torch.cat([x, x])), torch.cat([y, y])).item()
    optimizer.step()
    return mean


# %% wrong: step twice -> The model after the update
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    optimizer.step()
    return mean


# %% wrong: weights with the number of inputs -> The model after the update
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels) * inputs.numel() / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: the last piece is left out -> return inside the loop
def accumulated_step(model, optimizer, micro_batches):
    pieces = micro_batches[:-1] or []
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in pieces:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    return mean


# %% wrong: a fixed number of pieces -> Multiply it by their share
def accumulated_step(model, optimizer, micro_batches):
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels) / 1
        loss.backward()
        mean += loss.item() / len(micro_batches)
    optimizer.step()
    return mean


# %% wrong: gradients switched off for good -> left gradients switched off
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    optimizer.step()
    torch.set_grad_enabled(False)
    return mean


# %% wrong: all forwards before all backwards -> inside the loop
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    optimizer.zero_grad()
    losses = [F.cross_entropy(model(x), y, reduction="sum") / count for x, y in micro_batches]
    for loss in losses:
        loss.backward()
    optimizer.step()
    return sum(loss.item() for loss in losses)


# %% wrong: an update of its own -> The optimizer makes the update
def accumulated_step(model, optimizer, micro_batches):
    count = sum(len(labels) for _, labels in micro_batches)
    mean = 0
    optimizer.zero_grad()
    for inputs, labels in micro_batches:
        loss = F.cross_entropy(model(inputs), labels, reduction="sum") / count
        loss.backward()
        mean += loss.item()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= optimizer.param_groups[0]["lr"] * parameter.grad
    return mean
