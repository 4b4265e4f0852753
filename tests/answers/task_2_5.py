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


# %% wrong: evaluation mode left on -> Evaluation mode is left on
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
