# %% right: a loop over the pictures
def accuracy(model, images, labels):
    mode = model.training
    model.eval()
    right = 0
    with torch.no_grad():
        for image, label in zip(images, labels):
            logits = model(image.unsqueeze(0))[0]
            right += int(logits.argmax() == label)
    model.train(mode)
    return right / len(labels)


# %% right: a copy of the model, inference mode
import copy


@torch.inference_mode()
def accuracy(model, images, labels):
    twin = copy.deepcopy(model).eval()
    _, predictions = twin(images).max(dim=1)
    return (predictions == labels).sum().item() / labels.numel()


# %% right: NumPy at the end
import numpy as np


def accuracy(model, images, labels):
    was_training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            probabilities = model(images).softmax(dim=-1).numpy()
    finally:
        if was_training:
            model.train()
    return np.mean(probabilities.argmax(axis=1) == labels.numpy())


# %% right: topk, float64
def accuracy(model, images, labels):
    state = model.training
    try:
        model.eval()
        with torch.no_grad():
            best = model(images).topk(1, dim=1).indices[:, 0]
        return float(torch.eq(best, labels).double().mean())
    finally:
        model.train(state)


# %% wrong: in training mode -> Call model.eval()
def accuracy(model, images, labels):
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    return (predictions == labels).float().mean().item()


# %% wrong: evaluation mode left on -> evaluation mode is left on
def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    return (predictions == labels).float().mean().item()


# %% wrong: always back to training -> wrong for a model that was in evaluation mode
def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train()
    return (predictions == labels).float().mean().item()


# %% wrong: gradients recorded -> torch.no_grad()
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: a tensor -> .item()
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean()


# %% wrong: percent -> percentage
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return 100 * (predictions == labels).float().mean().item()


# %% wrong: a count -> number of right answers
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).sum().item()


# %% wrong: error rate -> share of wrong answers
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions != labels).float().mean().item()


# %% wrong: argmax over the pictures -> argmax(dim=1)
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=0)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: argmax without dim -> argmax(dim=1)
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax()
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: rounded down -> drop the fraction
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).sum().item() // len(labels)


# %% wrong: rounded -> Do not round
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return round((predictions == labels).float().mean().item(), 1)


# %% wrong: divides by the classes -> not by the number of classes
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(images)
    model.train(was_training)
    return (logits.argmax(dim=1) == labels).sum().item() / logits.shape[1]


# %% right: in portions, the last one smaller
def accuracy(model, images, labels):
    before = model.training
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in zip(images.split(32), labels.split(32)):
            right += (model(x).argmax(-1) == y).sum().item()
    model.train(mode=before)
    return right / images.shape[0]


# %% right: decorators
from contextlib import contextmanager


@contextmanager
def evaluating(net):
    mode, _ = net.training, net.eval()
    try:
        yield net
    finally:
        net.train(mode)


@torch.no_grad()
def accuracy(model, images, labels):
    with evaluating(model) as net:
        scores = net.forward(images)
    hits = torch.eq(scores.max(1)[1], labels)
    return hits.count_nonzero().item() / hits.numel()


# %% right: each layer's mode, and the layers one after the other
def accuracy(model, images, labels):
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = False
    with torch.inference_mode():
        x = images
        for layer in model:
            x = layer(x)
    for module, mode in modes:
        module.training = mode
    return sum(int(row.argmax()) == int(label) for row, label in zip(x, labels)) / len(x)


# %% right: functional_call, gradients back on by hand
def accuracy(model, images, labels):
    training = model.training
    model.eval()
    torch.set_grad_enabled(False)
    logits = torch.func.functional_call(model, dict(model.named_parameters()), (images,))
    torch.set_grad_enabled(True)
    model.train(training)
    return torch.mean((torch.argmax(logits, 1) == labels).to(torch.float64)).item()


# %% wrong: gradients left off -> left gradients switched off
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    torch.set_grad_enabled(False)
    predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: the parameters frozen -> do not require gradients any more
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    for p in model.parameters():
        p.requires_grad = False
    predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: the model is never asked -> was not called
def accuracy(model, images, labels):
    twin = nn.Linear(images.shape[1], int(labels.max()) + 1)
    with torch.no_grad():
        predictions = twin(images).argmax(dim=1)
    return (predictions == labels).float().mean().item()


# %% wrong: half of the pictures -> not asked about every picture
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    half = (len(images) + 1) // 2
    with torch.no_grad():
        predictions = model(images[:half]).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels[:half]).float().mean().item()


# %% wrong: the mean of the means of portions -> Compare the class
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    shares = []
    with torch.no_grad():
        for x, y in zip(images.split(32), labels.split(32)):
            shares.append((model(x).argmax(dim=1) == y).float().mean().item())
    model.train(was_training)
    return sum(shares) / len(shares)


# %% wrong: only the outermost mode -> Call model.eval()
def accuracy(model, images, labels):
    was_training = model.training
    model.training = False
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.training = was_training
    return (predictions == labels).float().mean().item()


# %% wrong: back to training for the outermost only -> evaluation mode is left on
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.training = was_training
    return (predictions == labels).float().mean().item()


# %% wrong: rounded to four digits -> Do not round
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return round((predictions == labels).float().mean().item(), 4)


# %% wrong: a step of training as well -> Gradients were recorded
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    logits = model(images)
    F.cross_entropy(logits, labels).backward()
    model.train(was_training)
    return (logits.argmax(dim=1) == labels).float().mean().item()


# %% wrong: the weights rounded -> The model has changed
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmax(dim=1)
        for p in model.parameters():
            p.copy_(p.half().float())
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: learns the running means once more -> was in training mode
def accuracy(model, images, labels):
    was_training = model.training
    with torch.no_grad():
        model.train()
        model(images)
        model.eval()
        predictions = model(images).argmax(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: the smallest logit -> is wrong
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        predictions = model(images).argmin(dim=1)
    model.train(was_training)
    return (predictions == labels).float().mean().item()


# %% wrong: a logit above 0 -> Compare the class
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(images)
    model.train(was_training)
    return (logits[torch.arange(len(labels)), labels] > logits.mean(dim=1)).float().mean().item()


# %% wrong: all parameters can be trained afterwards -> now they all do
def accuracy(model, images, labels):
    was_training = model.training
    model.eval().requires_grad_(False)
    answers = model(images).argmax(dim=1)
    model.train(was_training).requires_grad_(True)
    return (answers == labels).float().mean().item()


# %% wrong: clears the gradients -> The model has changed
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    model.zero_grad()
    with torch.no_grad():
        answers = model(images).argmax(dim=1)
    model.train(was_training)
    return (answers == labels).float().mean().item()


# %% wrong: the largest logit, not its class -> Not one answer
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        answers = model(images).amax(dim=1)
    model.train(was_training)
    return (answers == labels).float().mean().item()


# %% wrong: the mean of True and False -> which have no mean
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        share = (model(images).argmax(dim=1) == labels).mean().item()
    model.train(was_training)
    return share


# %% wrong: max instead of argmax -> are both sides tensors
def accuracy(model, images, labels):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        share = (model(images).max(dim=1) == labels).float().mean().item()
    model.train(was_training)
    return share


# %% wrong: the mode is noted too late -> *before* you call model.eval()
def accuracy(model, images, labels):
    model.eval()
    was_training = model.training
    with torch.no_grad():
        share = (model(images).argmax(dim=1) == labels).float().mean().item()
    model.train(was_training)
    return share
