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


# %% wrong: as it was -> one softmax too many
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


# %% wrong: softmax still there -> one softmax too many
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


# %% right: gradients cleared first, sum of the losses, zip
def train_one_epoch(net, data, opt):
    sums, counts = [], []
    for x, y in data:
        opt.zero_grad(set_to_none=False)
        each = F.cross_entropy(input=net(x), target=y, reduction="none")
        each.sum().div(each.numel()).backward()
        opt.step()
        sums.append(each.detach().sum())
        counts.append(y.numel())
    return (torch.stack(sums).sum() / sum(counts)).item()


# %% right: a closure
import numpy as np


def train_one_epoch(model, batches, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        return loss

    losses = []
    for images, labels in batches:
        losses.append(float(optimizer.step(closure)))
    return np.average(losses, weights=[len(labels) for _, labels in batches])


# %% right: autograd.grad, a function for each step
def one_step(model, images, labels, optimizer):
    loss = -model(images).log_softmax(dim=1).gather(1, labels[:, None]).mean()
    parameters = list(model.parameters())
    for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
        p.grad = gradient
    optimizer.step()
    return loss.item(), len(labels)


def train_one_epoch(model, batches, optimizer):
    steps = [one_step(model, *batch, optimizer) for batch in batches]
    return sum(loss * n for loss, n in steps) / sum(n for _, n in steps)


# %% wrong: the last batch left out -> The last batch was not used
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches[:-1]:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: the sum of the losses of a batch -> *sum* of the losses
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += len(images)
    return total / count


# %% wrong: the weight before backward -> *sum* of the losses
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels) * len(images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        count += len(images)
    return total / count


# %% wrong: nll_loss of the logits -> wants log-probabilities
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.nll_loss(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: an optimizer of its own -> that of the optimizer that the function is given
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: the step by hand, without the optimizer's momentum -> that of the optimizer that the function is given
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    lr = optimizer.param_groups[0]["lr"]
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: the loss after the step -> measured after the steps
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            total += F.cross_entropy(model(images), labels).item() * len(images)
        count += len(images)
    return total / count


# %% wrong: two epochs -> used twice
def train_one_epoch(model, batches, optimizer):
    for epoch in range(2):
        total, count = 0.0, 0
        for images, labels in batches:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
            count += len(images)
    return total / count


# %% wrong: one step for all batches -> five steps of a round
def train_one_epoch(model, batches, optimizer):
    optimizer.zero_grad()
    total, count = 0.0, sum(len(y) for _, y in batches)
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels) * len(images) / count
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total


# %% wrong: the first layer stays as it is -> five steps of a round
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        model[0].weight.grad = None
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: gradients clipped -> five steps of a round
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: the sum is overwritten -> overwritten
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total = loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: scaled in place -> changed its argument
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        images *= 0.5
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    return total / count


# %% wrong: gradients left off -> left gradients switched off
def train_one_epoch(model, batches, optimizer):
    total, count = 0.0, 0
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    torch.set_grad_enabled(False)
    return total / count
