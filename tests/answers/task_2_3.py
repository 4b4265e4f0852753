# %% right: F.cross_entropy
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels)


# %% right: log_softmax and gather
def cross_entropy(logits, labels):
    log_p = logits.log_softmax(dim=1)
    return -log_p.gather(1, labels.unsqueeze(1)).squeeze(1).mean()


# %% right: largest logit subtracted by hand
def cross_entropy(logits, labels):
    z = logits - logits.max(dim=1, keepdim=True).values
    log_sum = z.exp().sum(dim=1).log()
    chosen = z[torch.arange(z.shape[0]), labels]
    return (log_sum - chosen).mean()


# %% right: a loop over the samples
def cross_entropy(logits, labels):
    loss = 0
    for row, label in zip(logits, labels):
        loss = loss + torch.logsumexp(row, dim=0) - row[label]
    return loss / len(labels)


# %% right: one-hot, in float64
def cross_entropy(logits, labels):
    one_hot = torch.eye(logits.shape[1], dtype=torch.float64)[labels]
    log_p = torch.log_softmax(logits.double(), dim=-1)
    return -(one_hot * log_p).sum() / logits.shape[0]


# %% right: the module
criterion = nn.CrossEntropyLoss()


def cross_entropy(logits, labels):
    return criterion(logits, labels)


# %% wrong: softmax twice -> applied twice
def cross_entropy(logits, labels):
    return F.cross_entropy(logits.softmax(dim=1), labels)


# %% wrong: the formula as it stands -> became 0 or infinite
def cross_entropy(logits, labels):
    e = logits.exp()
    p = e / e.sum(dim=1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: softmax, then log -> became 0 or infinite
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: a small number added -> Adding a small number
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1)
    return -(p[torch.arange(len(labels)), labels] + 1e-9).log().mean()


# %% wrong: clamped -> Adding a small number
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1).clamp(min=1e-7)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: sum -> the sum over the batch
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum")


# %% wrong: no reduction -> One number
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=1)[torch.arange(len(labels)), labels]


# %% wrong: minus forgotten -> The minus is missing
def cross_entropy(logits, labels):
    return logits.log_softmax(dim=1)[torch.arange(len(labels)), labels].mean()


# %% wrong: log10 -> not log10
def cross_entropy(logits, labels):
    z = logits - logits.amax(dim=1, keepdim=True)
    p = z.softmax(dim=1)
    return -torch.log10(p[torch.arange(len(labels)), labels]).mean()


# %% wrong: divides by samples times classes -> not by samples times classes
def cross_entropy(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return -(one_hot * logits.log_softmax(dim=1)).mean()


# %% wrong: every class -> Only the right class
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=1).mean()


# %% wrong: columns of every row -> pair each row
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=1)[:, labels].mean()


# %% wrong: softmax over the samples -> over the classes
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=0)[torch.arange(len(labels)), labels].mean()


# %% wrong: nll_loss of logits -> must pass through the softmax
def cross_entropy(logits, labels):
    return F.nll_loss(logits, labels)


# %% wrong: no logarithm -> logarithm of the probability is missing
def cross_entropy(logits, labels):
    return -logits.softmax(dim=1)[torch.arange(len(labels)), labels].mean()


# %% wrong: a Python float -> cut the connection
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels).item()


# %% wrong: through NumPy -> NumPy cannot record gradients
import numpy as np


def cross_entropy(logits, labels):
    z = logits.numpy().astype(float)
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(z)), labels.numpy()].mean()


# %% wrong: a part detached -> cut off from the gradients
def cross_entropy(logits, labels):
    log_sum = logits.logsumexp(dim=1).detach()
    return (log_sum - logits[torch.arange(len(labels)), labels]).mean()


# %% wrong: subtracts in place -> changed its argument
def cross_entropy(logits, labels):
    logits -= logits.amax(dim=1, keepdim=True)
    return F.cross_entropy(logits, labels)
