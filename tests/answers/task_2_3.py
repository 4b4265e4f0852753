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


# %% wrong: the formula as it stands -> the sum of exp alone
def cross_entropy(logits, labels):
    e = logits.exp()
    p = e / e.sum(dim=1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: softmax, then log -> the sum of exp alone
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: a small number added -> a small number is added
def cross_entropy(logits, labels):
    p = logits.softmax(dim=1)
    return -(p[torch.arange(len(labels)), labels] + 1e-9).log().mean()


# %% wrong: clamped -> a small number is added
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


# %% right: logsumexp and diag
def cross_entropy(logits, labels):
    return (torch.logsumexp(logits, 1) - logits[:, labels].diag()).mean()


# %% right: a list of samples, nll_loss
def cross_entropy(logits, labels):
    losses = [F.nll_loss(F.log_softmax(row[None], dim=1), label[None]) for row, label in zip(logits, labels)]
    return torch.stack(losses).mean()


# %% right: one-hot and einsum, other names
def cross_entropy(z, k):
    p = torch.nn.functional.one_hot(k, num_classes=z.size(1)).to(z)
    return torch.einsum("bc,bc->", p, z.logsumexp(1, True) - z) / z.size(0)


# %% right: softplus of the differences, for any number of classes
def cross_entropy(logits, labels):
    chosen = logits.take_along_dim(labels[:, None], dim=1)
    return (logits - chosen).logsumexp(dim=1).mean()


# %% right: logaddexp one after the other
from functools import reduce


class CrossEntropy(nn.Module):
    def forward(self, logits, labels):
        total = reduce(torch.logaddexp, logits.unbind(dim=1))
        return (total - logits.gather(1, labels.view(-1, 1)).view(-1)).sum() / labels.numel()


cross_entropy = CrossEntropy()


# %% wrong: the largest logit of the whole batch subtracted -> the sum of exp alone
def cross_entropy(logits, labels):
    z = logits - logits.max()
    log_sum = z.exp().sum(dim=1).log()
    return (log_sum - z[torch.arange(len(labels)), labels]).mean()


# %% wrong: the mean of each row subtracted -> the sum of exp alone
def cross_entropy(logits, labels):
    z = logits - logits.mean(dim=1, keepdim=True)
    log_sum = z.exp().sum(dim=1).log()
    return (log_sum - z[torch.arange(len(labels)), labels]).mean()


# %% wrong: 1000 subtracted -> the sum of exp alone
def cross_entropy(logits, labels):
    z = logits - 1000 if logits.max() > 500 else logits
    log_sum = z.exp().sum(dim=1).log()
    return (log_sum - z[torch.arange(len(labels)), labels]).mean()


# %% wrong: the logits clamped -> is wrong
def cross_entropy(logits, labels):
    return F.cross_entropy(logits.clamp(-80, 80), labels)


# %% wrong: the exponential in float64 -> the sum of exp alone
def cross_entropy(logits, labels):
    e = logits.double().exp()
    p = e / e.sum(dim=1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: log1p of the others -> is wrong
def cross_entropy(logits, labels):
    z = logits - logits.amax(dim=1, keepdim=True)
    chosen = z[torch.arange(len(labels)), labels]
    return (torch.log1p(z.exp().sum(dim=1)) - chosen).mean()


# %% wrong: smoothed labels -> is wrong
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, label_smoothing=0.05)


# %% wrong: the first sample only -> is wrong
def cross_entropy(logits, labels):
    return F.cross_entropy(logits[:1], labels[:1])


# %% wrong: the likeliest class instead of the label -> is wrong
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, logits.argmax(dim=1))


# %% wrong: log2 -> not log2
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels) / torch.tensor(2.0).log()


# %% wrong: no gradients recorded -> cut the connection
def cross_entropy(logits, labels):
    with torch.no_grad():
        return F.cross_entropy(logits, labels)


# %% wrong: softmax without dim -> raised
def cross_entropy(logits, labels):
    return -torch.softmax(logits)[torch.arange(len(labels)), labels].log().mean()


# %% wrong: gradients left off -> left gradients switched off
def cross_entropy(logits, labels):
    torch.set_grad_enabled(False)
    return F.cross_entropy(logits, labels)


# %% wrong: the largest logit of each row subtracted, then the logarithm of each probability -> the sum of exp alone
def cross_entropy(logits, labels):
    z = logits - logits.amax(dim=1, keepdim=True)
    p = z.exp() / z.exp().sum(dim=1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


# %% wrong: the labels as rows -> A label is the number of a column
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=1)[labels].mean()


# %% wrong: gather with an index of one dimension -> gather wants an index
def cross_entropy(logits, labels):
    return -logits.log_softmax(dim=1).gather(1, labels).mean()
