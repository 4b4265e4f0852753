# %% right: as in the solution
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% right: sums as tensors, history of the loss detached, gradients set to zero
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        loss_sum, count = torch.zeros(()), 0
        for inputs, labels in train_loader:
            optimizer.zero_grad(set_to_none=False)
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            loss_sum = loss_sum + loss.detach().cpu() * len(labels)
            count += len(labels)
        model.eval()
        hits = []
        with torch.inference_mode():
            for inputs, labels in validation_loader:
                hits.append((model(inputs).argmax(1) == labels).float())
        history.append([loss_sum / count, torch.cat(hits).mean()])
    return history


# %% right: moves batches to where the model is, gradients cleared after the step
def fit(model, train_loader, validation_loader, optimizer, epochs):
    device = next(model.parameters()).device
    results = []
    for _ in range(epochs):
        losses, hits = [], []
        model.train()
        for inputs, labels in train_loader:
            each = F.cross_entropy(model(inputs.to(device)), labels.to(device), reduction="none")
            each.mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            losses += each.tolist()
        model.eval()
        for inputs, labels in validation_loader:
            with torch.no_grad():
                logits = model(inputs.to(device))
            hits += (logits.argmax(dim=1) == labels.to(device)).tolist()
        results.append((sum(losses) / len(losses), sum(hits) / len(hits)))
    return results


# %% right: helpers for training and for measuring, as in task 3.5
def one_epoch(model, loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


@torch.no_grad()
def share_right(model, loader, device):
    model.eval()
    correct = count = 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return correct / count


def fit(model, train_loader, validation_loader, optimizer, epochs):
    device = next(model.parameters()).device
    history = []
    for _ in range(epochs):
        loss = one_epoch(model, train_loader, optimizer, device)
        history.append((loss, share_right(model, validation_loader, device)))
    return history


# %% right: a generator of pairs, gradients from autograd.grad
def run(model, train_loader, validation_loader, optimizer, epochs):
    parameters = list(model.parameters())
    while epochs:
        epochs -= 1
        model.train(True)
        total, n = 0.0, 0
        for x, y in train_loader:
            loss = nn.functional.cross_entropy(model(x), y)
            for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
                p.grad = g
            optimizer.step()
            total, n = total + loss.item() * len(x), n + len(x)
        model.train(False)
        with torch.no_grad():
            pairs = [(model(x).argmax(1), y) for x, y in validation_loader]
        guesses, labels = map(torch.cat, zip(*pairs))
        yield total / n, float((guesses == labels).float().mean())


def fit(*args):
    return list(run(*args))


# %% right: recording switched off by hand while it measures, on again afterwards
def fit(model, train_loader, validation_loader, optimizer, epochs):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    history = []
    for _ in range(epochs):
        model.train()
        total = hits = 0
        for batch in train_loader:
            model.zero_grad()
            loss = criterion(model(batch[0]), batch[1])
            (loss / len(batch[1])).backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        torch.set_grad_enabled(False)
        for batch in validation_loader:
            hits += int(torch.sum(model(batch[0]).topk(1).indices.squeeze(1) == batch[1]))
        torch.set_grad_enabled(True)
        history.append((total / len(train_loader.dataset), hits / len(validation_loader.dataset)))
    return tuple(history)


# %% right: the validation data in one piece, a list of detached losses
def fit(model, train_loader, validation_loader, optimizer, epochs):
    inputs, labels = (torch.cat(parts) for parts in zip(*validation_loader))
    history = []
    for _ in range(epochs):
        model.train()
        losses, sizes = [], []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.nll_loss(model(x).log_softmax(dim=1), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            sizes.append(float(len(y)))
        model.eval()
        with torch.no_grad():
            accuracy = (model(inputs).argmax(dim=1) == labels).float().mean().item()
        weights = torch.tensor(sizes)
        history.append(((torch.stack(losses) * weights).sum().item() / sum(sizes), accuracy))
    return history


# %% right: a closure for step
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            def closure():
                optimizer.zero_grad()
                loss = F.cross_entropy(model(inputs), labels)
                loss.backward()
                return loss
            loss = optimizer.step(closure)
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% right: the mode is put back at the end
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history, was = [], model.training
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    model.train(was)
    return history


# %% right: cleared before the loop and after each step
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    optimizer.zero_grad()
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% right: samples counted beforehand, so the loader is read once more
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    size = sum(len(labels) for _, labels in train_loader)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / size, correct / count))
    return history


# %% wrong: as it was -> does a step stand between
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.step()
            optimizer.zero_grad()
            loss.backward()
            total += loss * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the step stands between the forward pass and backward -> does a step stand between
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.step()
            optimizer.zero_grad()
            loss.backward()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the sum keeps every graph -> earlier batches were still in memory
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: training mode is never set -> While training in epoch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: measuring is recorded -> While measuring after epoch 1, a graph was recorded
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: step and sum -> does a step stand between
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.step()
            optimizer.zero_grad()
            loss.backward()
            total += loss * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: step and mode -> does a step stand between
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.step()
            optimizer.zero_grad()
            loss.backward()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: step and recording -> does a step stand between
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.step()
            optimizer.zero_grad()
            loss.backward()
            total += loss.item() * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: sum and mode -> While training in epoch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: sum and recording -> earlier batches were still in memory
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: mode and recording -> While training in epoch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: all but the step -> While training in epoch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the step stands before the forward pass -> gradients of the batch before
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            optimizer.step()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the gradients are cleared before the step -> The parameters have not moved
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: no zero_grad -> were still in the sum
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: zero_grad once an epoch -> were still in the sum
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        optimizer.zero_grad()
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: no step -> optimizer.step() was called 0 times
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: train before all epochs only -> While training in epoch 2
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    model.train()
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: train at the end of the epoch only -> While training in epoch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
        model.train()
    return history


# %% wrong: no eval -> While measuring after epoch 1, the model was in training mode
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: detach in place of no_grad -> While measuring after epoch 1, a graph was recorded
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        for inputs, labels in validation_loader:
            correct += (model(inputs).detach().argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: all under no_grad -> training must be recorded
@torch.no_grad()
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: item before backward -> until backward() was called
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels).item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: item of the sum at the end of the epoch -> earlier batches were still in memory
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total.item() / sizes[0], correct / sizes[1]))
    return history


# %% wrong: a list of losses with their graphs -> earlier batches were still in memory
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        losses, total, correct = [], 0, 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss)
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: backward of a sum that grows -> not on a sum that grows
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            total = total + loss
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            total += 0
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the loss of the last batch, with its graph -> earlier batches were still in memory
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        history.append((loss, correct / len(validation_loader.dataset)))
    return history


# %% wrong: the loss of the last batch -> loss of the last batch
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        history.append((loss.item(), correct / len(validation_loader.dataset)))
    return history


# %% wrong: mean of the batch means -> multiply it by len(labels)
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        history.append((total / len(train_loader), correct / len(validation_loader.dataset)))
    return history


# %% wrong: the sum goes on from epoch to epoch -> The sum goes on
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    total = 0
    for _ in range(epochs):
        model.train()
        correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the count goes on from epoch to epoch -> The count goes on
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    correct = 0
    for _ in range(epochs):
        model.train()
        total = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: accuracy in percent -> share from 0 to 1
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], 100 * correct / sizes[1]))
    return history


# %% wrong: the pair turned round -> order is (loss, accuracy)
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((correct / sizes[1], total / sizes[0]))
    return history


# %% wrong: one number for each epoch -> one pair for each
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        history.append(correct / len(validation_loader.dataset))
    return history


# %% wrong: returns after the first epoch -> training batches
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
        return history


# %% wrong: nothing returned -> one pair for each
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))


# %% wrong: softmax before the loss -> does the softmax itself
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs).softmax(dim=1), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: an optimizer of its own -> optimizer.step() was called 0 times
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: measured once, at the end -> validation samples
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        history.append(total / len(train_loader.dataset))
    model.eval()
    with torch.no_grad():
        correct = sum((model(x).argmax(1) == y).sum().item() for x, y in validation_loader)
    return [(loss, correct / len(validation_loader.dataset)) for loss in history]


# %% wrong: the loss measured again after the epoch -> in evaluation mode, without a graph
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        with torch.no_grad():
            total = sum(F.cross_entropy(model(x), y).item() * len(y) for x, y in train_loader)
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: measures before it trains -> did not take turns
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.eval()
        with torch.no_grad():
            correct = sum((model(x).argmax(1) == y).sum().item() for x, y in validation_loader)
        model.train()
        total = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        history.append((total / len(train_loader.dataset), correct / len(validation_loader.dataset)))
    return history


# %% wrong: the parameters frozen while it measures, and left so -> do the parameters no longer require gradients
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        model.requires_grad_(False)
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: recording left off -> training must be recorded
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for _ in range(epochs):
        model.train()
        total = correct = 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        torch.set_grad_enabled(False)
        for inputs, labels in validation_loader:
            correct += (model(inputs).argmax(dim=1) == labels).sum().item()
        sizes = len(train_loader.dataset), len(validation_loader.dataset)
        history.append((total / sizes[0], correct / sizes[1]))
    return history


# %% wrong: the batches of the first epoch for all -> train_loader was read 1 time
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history, train_loader = [], list(train_loader)
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: a second forward pass for the accuracy in training -> same batch went through the model twice
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            with torch.no_grad():
                hits = (model(inputs).argmax(1) == labels).sum().item()
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: the outermost mode alone -> reach every layer
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.training = False
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: the inputs are changed in place -> numbers that neither loader holds
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            inputs -= inputs.mean()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: measures on the training data -> loop over validation_loader
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in train_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: trains on the validation data too -> may not be trained on validation data
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        for inputs, labels in validation_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: one step an epoch -> step() stands once inside the loop
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            total += loss.item() * len(labels)
            seen += len(labels)
        optimizer.step()
        optimizer.zero_grad()
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: return stands in the loop -> does a `return` stand inside it
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
        return history


# %% wrong: neither sum is set to 0 -> The sums go on
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    total, seen = 0.0, 0
    for epoch in range(epochs):
        model.train()
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: neither count is set to 0 -> The counts go on
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    correct = count = 0
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return history


# %% wrong: divided by batches times batch_size -> The last batch is smaller
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / (len(train_loader) * train_loader.batch_size), correct / count))
    return history


# %% wrong: the loss of the last epoch for all -> This is the loss of the last epoch
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return [(total / seen, a) for _, a in history]


# %% wrong: rounded to two digits -> without rounding
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((round(total / seen, 2), round(correct / count, 2)))
    return history


# %% wrong: two lists in place of pairs -> not a list of losses
# Task 3.8
def fit(model, train_loader, validation_loader, optimizer, epochs):
    history = []
    for epoch in range(epochs):
        model.train()
        total, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in validation_loader:
                correct += (model(inputs).argmax(dim=1) == labels).sum().item()
                count += len(labels)
        history.append((total / seen, correct / count))
    return [h[0] for h in history], [h[1] for h in history]
