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


# %% wrong: divided by the number of batches -> not by the number of batches
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


# %% wrong: softmax before the loss -> does the softmax itself
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


# %% wrong: softmax in evaluate -> takes logits
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


# %% wrong: no_grad in training too -> belongs in evaluate only
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


# %% right: counts by numel before it moves
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        n = labels.numel()
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * n
        count += n
    return total / count


def evaluate(model, test_loader, device):
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            n = labels.numel()
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * n
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += n
    return total / count, correct / count


# %% right: sums, but converts dtypes first
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.float().to(device), labels.long().to(device)
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
            inputs, labels = inputs.float().to(device), labels.long().to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: sums, but flattens first
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.flatten(1).to(device), labels.flatten().to(device)
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
            inputs, labels = inputs.view(inputs.size(0), -1).to(device), labels.view(-1).to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: sums, but as_tensor
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = torch.as_tensor(inputs, device=device), torch.as_tensor(labels, device=device)
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
            inputs, labels = (torch.asarray(part, device=device) for part in (inputs, labels))
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: sums, but a helper that moves what is a tensor
def moved(batch, device):
    return [t.to(device, non_blocking=True) if torch.is_tensor(t) else t for t in batch]


def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for batch in train_loader:
        inputs, labels = moved(batch, device)
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
        for batch in test_loader:
            inputs, labels = moved(batch, device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: sums, but moves if it is elsewhere, to where the parameters lie
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        if inputs.device != device:
            inputs = inputs.to(next(model.parameters()).device)
        labels = labels.to(inputs.device)
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
            inputs, labels = inputs.to(device=device), labels.to(inputs.to(device).device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% right: labels and predictions are collected on the CPU
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


@torch.inference_mode()
def evaluate(model, test_loader, device):
    model.eval()
    logits, labels = [], []
    for x, y in test_loader:
        logits.append(model(x.to(device)).cpu())
        labels.append(y)
    logits, labels = torch.cat(logits), torch.cat(labels).cpu()
    return F.cross_entropy(logits, labels).item(), (logits.argmax(-1) == labels).double().mean().item()


# %% right: one function for both, a criterion made once
criterion = nn.CrossEntropyLoss(reduction="sum")


def epoch(model, loader, device, optimizer=None):
    model.train(optimizer is not None)
    loss_sum, hits, seen = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            logits = model(x)
            loss = criterion(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                (loss / y.size(0)).backward()
                optimizer.step()
            loss_sum += float(loss)
            hits += int(torch.sum(torch.eq(logits.argmax(1), y)))
            seen += y.size(0)
    return loss_sum / seen, hits / seen


def train_one_epoch(model, train_loader, optimizer, device):
    return epoch(model, train_loader, device, optimizer)[0]


def evaluate(model, test_loader, device):
    return epoch(model, test_loader, device)


# %% right: sums as tensors on the device, copied at the end
def train_one_epoch(model, train_loader, optimizer, device):
    model.train(mode=True)
    sums = torch.zeros(2, device=device)
    for x, y in train_loader:
        optimizer.zero_grad(set_to_none=True)
        y = y.to(device)
        loss = F.cross_entropy(input=model(x.to(device)), target=y)
        loss.backward()
        optimizer.step()
        sums += torch.stack([loss.detach() * len(y), torch.tensor(float(len(y)), device=device)])
    return (sums[0] / sums[1]).item()


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


# %% right: sums, but the loss stays a tensor until the end
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
    return (total / count).item()


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


# %% wrong: step twice -> is step() called twice
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
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


# %% wrong: weights with numel of the inputs -> numel() counts all
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * inputs.numel()
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


# %% wrong: divides by batches times batch size -> The last batch is smaller
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
    return total / (len(train_loader) * train_loader.batch_size)


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


# %% wrong: evaluates after the epoch -> nothing is evaluated afterwards
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
    return evaluate(model, train_loader, device)[0]


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


# %% wrong: eval at the end of the loop body -> from batch 2 on
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
        model.eval()
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


# %% wrong: train in the loop, after the first prediction -> Call model.train() before the loop
def train_one_epoch(model, train_loader, optimizer, device):
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        model.train()
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


# %% wrong: requires_grad switched off in evaluate -> no longer require gradients
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
    model.eval().requires_grad_(False)
    total = correct = count = 0
    if True:
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: gradients switched off for good in evaluate -> left gradients switched off
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
    torch.set_grad_enabled(False)
    if True:
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: gradients switched off for good after training -> left gradients switched off
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
    torch.set_grad_enabled(False)
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


# %% wrong: evaluate looks at the first batch only -> test samples
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
            break
    return total / count, correct / count


# %% wrong: evaluate drops the last batch -> test samples
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
            if len(labels) < test_loader.batch_size:
                continue
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: evaluate trains on -> model
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
    for p in model.parameters():
        p.data.mul_(0.999)
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, correct / count


# %% wrong: evaluate in training mode, put to evaluation mode at the end -> Call model.eval()
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
    model.eval()
    return total / count, correct / count


# %% wrong: the whole epoch in one batch -> The model was called 1 times
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    inputs, labels = (torch.cat([part.to(device) for part in parts]) for parts in zip(*train_loader))
    loss = F.cross_entropy(model(inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
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


# %% wrong: two epochs -> of model(...) for each batch
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in [*train_loader, *train_loader]:
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


# %% wrong: one number moved, labels not -> Move both tensors
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


# %% wrong: moved, but the result is thrown away -> Move both tensors
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs.to(device), labels.to(device)
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


# %% wrong: moved to another dtype only -> Move both tensors
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(torch.float32), labels.to(torch.int64)
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


# %% wrong: accuracy of the last batch -> last batch
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
            correct = (logits.argmax(dim=1) == labels).float().mean().item()
            count += len(labels)
    return total / count, correct


# %% wrong: an update of its own -> The optimizer makes the update
def train_one_epoch(model, train_loader, optimizer, device):
    model.train()
    total = count = 0
    for inputs, labels in train_loader:
        inputs, labels = inputs.to(device), labels.to(device)
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= optimizer.param_groups[0]["lr"] * parameter.grad
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


# %% wrong: evaluate freezes and thaws all -> a frozen layer requires gradients
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
    model.requires_grad_(False)
    total = correct = count = 0
    with torch.no_grad():
        for inputs, labels in test_loader:
            inputs, labels = inputs.to(device), labels.to(device)
            logits = model(inputs)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    model.requires_grad_(True)
    return total / count, correct / count
