# %% right: a running mean
def train_one_epoch(model, batches, optimizer):
    mean, seen = 0.0, 0
    for images, labels in batches:
        optimizer.zero_grad()
        logits = model(images)
        loss = nn.CrossEntropyLoss()(logits, labels)
        loss.backward()
        optimizer.step()
        seen += labels.shape[0]
        mean += (loss.item() - mean) * labels.shape[0] / seen
    return mean


# %% right: sums, gradients cleared at the end of each round
def train_one_epoch(model, batches, optimizer):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    total = 0
    for x, y in batches:
        loss = criterion(model(x), y)
        (loss / len(x)).backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
    return total / sum(len(y) for _, y in batches)


# %% right: losses of the single images, in training mode
def train_one_epoch(model, batches, optimizer):
    model.train()
    losses = []
    for images, labels in batches:
        each = F.cross_entropy(model(images), labels, reduction="none")
        model.zero_grad()
        each.mean().backward()
        optimizer.step()
        losses += each.tolist()
    return sum(losses) / len(losses)


# %% right: log-softmax and nll, detached tensor sum
def train_one_epoch(model, batches, optimizer):
    total = torch.zeros(())
    count = 0
    for images, labels in batches:
        log_p = torch.log_softmax(model(images), dim=1)
        loss = F.nll_loss(log_p, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(labels)
        count += len(labels)
    return float(total / count)


# %% wrong: as it was -> a softmax too many
def train_one_epoch(model, batches, optimizer):
    total = 0.0
    for images, labels in batches:
        probabilities = model(images).softmax(dim=1)
        loss = F.cross_entropy(probabilities, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


# %% wrong: zero_grad still missing -> Old gradients are still there
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: zero_grad once before the loop -> every
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    optimizer.zero_grad()
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: softmax still there -> a softmax too many
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images).softmax(dim=1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: mean of means still there -> counts the small last batch
def train_one_epoch(model, batches, optimizer):
    total = 0.0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


# %% wrong: two mistakes left -> there is another mistake
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images).softmax(dim=1), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: divides by the images, adds the means -> already divided
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += len(images)
    return total / count


# %% wrong: zero_grad between backward and step -> No parameter has moved
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: step between forward and backward -> comes after backward()
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: step first, with old gradients -> before the backward pass
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        optimizer.step()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: a tensor of losses -> keeps the graph
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss * len(images)
        count += len(images)
    return total / count


# %% wrong: return in the loop -> return after the loop
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
        return total / count


# %% wrong: last loss -> of the last batch only
def train_one_epoch(model, batches, optimizer):
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


# %% wrong: no return -> must return the mean loss
def train_one_epoch(model, batches, optimizer):
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# %% wrong: a loader expected -> batches is a plain list
def train_one_epoch(model, batches, optimizer):
    total = 0.0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
    return total / len(batches.dataset)
