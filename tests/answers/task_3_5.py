# %% right: sums
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: as in the lecture, with len(loader.dataset) and tensors on the device
criterion = nn.CrossEntropyLoss()


def train_one_epoch(model, loader, optimizer, device):
    model.train()
    total = 0.0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(labels)
    return total.item() / len(loader.dataset)


@torch.inference_mode()
def evaluate(model, loader, device):
    model.eval()
    loss_sum, correct = 0.0, 0
    for inputs, labels in loader:
        logits, labels = model(inputs.to(device)), labels.to(device)
        loss_sum += criterion(logits, labels) * labels.size(0)
        correct += (logits.argmax(1) == labels).sum()
    return loss_sum.item() / len(loader.dataset), correct.item() / len(loader.dataset)


# %% right: loss per sample in a list, clears after the step
def train_one_epoch(model, train_loader, optimizer, device):
    model.train(True)
    losses = []
    for batch in train_loader:
        images, targets = (part.to(device) for part in batch)
        each = nn.functional.cross_entropy(model(images), targets, reduction="none")
        each.mean().backward()
        optimizer.step()
        model.zero_grad()
        losses += each.tolist()
    return sum(losses) / len(losses)


def evaluate(model, test_loader, device):
    model.train(False)
    losses, hits = [], []
    for batch in test_loader:
        images, targets = [part.to(device) for part in batch]
        with torch.inference_mode():
            logits = model(images)
            losses += F.cross_entropy(logits, targets, reduction="none").tolist()
            hits += (logits.max(dim=1).indices == targets).tolist()
    return sum(losses) / len(losses), sum(hits) / len(hits)


# %% right: all logits first, softmax for the class only, tensors as results, mode put back
def train_one_epoch(model, train_loader, optimizer, device):
    before = model.training
    model.train()
    sums = []
    count = 0
    for i, (x, y) in enumerate(train_loader):
        x, y = x.to(device=device), y.to(device=device)
        optimizer.zero_grad(set_to_none=False)
        log_p = model(x).log_softmax(dim=1)
        loss = F.nll_loss(log_p, y)
        loss.backward()
        optimizer.step()
        sums.append(loss.detach() * x.shape[0])
        count += x.shape[0]
    model.train(before)
    return torch.stack(sums).sum() / count


def evaluate(model, test_loader, device):
    before = model.training
    model.eval()
    with torch.no_grad():
        pairs = [(model(x.to(device)), y.to(device)) for x, y in test_loader]
    logits, labels = (torch.cat(parts) for parts in zip(*pairs))
    model.train(before)
    predicted = logits.softmax(dim=1).argmax(dim=1)
    return F.cross_entropy(logits, labels), (predicted == labels).float().mean()


# %% right: weighted means, no_grad by hand
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    mean, seen = 0.0, 0
    for inputs, labels in train_loader:
        loss = F.cross_entropy(model(inputs.to(device)), labels.to(device))
        for p in model.parameters():
            p.grad = None
        loss.backward()
        optimizer.step()
        seen += len(labels)
        mean += (loss.item() - mean) * len(labels) / seen
    return mean


def evaluate(model, test_loader, device):
    model.eval()
    torch.set_grad_enabled(False)
    loss, accuracy, seen = 0.0, 0.0, 0
    for inputs, labels in test_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        k = len(labels)
        logits = model(inputs)
        loss = (loss * seen + F.cross_entropy(logits, labels).item() * k) / (seen + k)
        accuracy = (accuracy * seen + (logits.topk(1).indices[:, 0] == labels).float().mean().item() * k) / (seen + k)
        seen += k
    torch.set_grad_enabled(True)
    return loss, accuracy


# %% wrong: no zero_grad -> clear them before each backward
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: zero_grad before the loop only -> clear them before each backward
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    optimizer.zero_grad()
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: zero_grad after backward -> did not move
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: no step -> did not move
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: no backward -> did not move
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: no train -> Call model.train()
def train_one_epoch(model, train_loader, optimizer, device):
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: no eval -> Call model.eval()
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: no no_grad -> torch.no_grad()
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    if True:
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: mean of the batches -> smaller last batch for more
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += 1
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: sum of means over the samples -> multiply it by len(labels) before adding
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: not divided -> Divide the sum by the number of samples
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: divided by the number of batches -> not by that of batches
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / len(train_loader)


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: loss of the last batch -> loss of the last batch
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return loss.item()


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: softmax before the loss -> softmax inside
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs).softmax(dim=1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: log of nothing: a graph is returned -> loss.item(), or loss.detach()
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: labels stay where they are in training -> Move both tensors
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs = inputs.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: inputs stay where they are in training -> Move both tensors
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        labels = labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: nothing is moved in evaluate -> Move both tensors
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: only the first batch -> times for
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
        return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: accuracy averaged over batches -> count the right predictions of all batches
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).float().mean().item()
            count += len(labels)
    return total / count, correct / len(test_loader)


# %% wrong: test loss averaged over batches -> weight it with len(labels)
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item()
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / len(test_loader), correct / count


# %% wrong: accuracy in percent -> share from 0 to 1
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, 100 * correct / count


# %% wrong: accuracy as a count -> by the number of samples
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct


# %% wrong: turned round -> order is (loss, accuracy)
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return correct / count, total / count


# %% wrong: share of wrong predictions -> share of right predictions
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) != labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: argmax over the samples -> argmax(dim=1)
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=0) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: softmax in evaluate -> wants logits
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits.softmax(dim=1), labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: loss only -> Return two numbers
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count


# %% wrong: no_grad in training too -> belongs into evaluate only
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        with torch.no_grad():
            loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: item before backward -> until backward() was called
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels).item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss * len(labels)
        count += len(labels)
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count
