# %% right: two linear functions
import torch.nn.functional as F


def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).tanh()


# %% right: one product of what is put together
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    both, weight = torch.cat([x, h], dim=1), torch.cat([w_ih, w_hh], dim=1)
    return torch.tanh(torch.addmm(b_ih + b_hh, both, weight.t()))


# %% right: einsum
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    total = torch.einsum("bf,hf->bh", x, w_ih) + torch.einsum("bk,hk->bh", h, w_hh)
    return torch.tanh(total + b_ih + b_hh)


# %% right: one sequence after the other
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    rows = [torch.tanh(w_ih @ xi + b_ih + w_hh @ hi + b_hh) for xi, hi in zip(x, h)]
    return torch.stack(rows)


# %% right: tanh from exponentials
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    total = x.matmul(w_ih.mT) + h.matmul(w_hh.mT) + b_ih + b_hh
    return 2 / (1 + torch.exp(-2 * total)) - 1


# %% wrong: state's weight not transposed -> w_hh is square
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh + b_hh)


# %% wrong: input's weight not transposed -> (outputs, inputs)
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih + b_ih + h @ w_hh.T + b_hh)


# %% wrong: no tanh -> tanh is missing
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return x @ w_ih.T + b_ih + h @ w_hh.T + b_hh


# %% wrong: sigmoid -> nonlinearity of this cell is tanh
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.sigmoid(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


# %% wrong: one bias forgotten -> b_hh, is missing
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T)


# %% wrong: no biases -> Both biases
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + h @ w_hh.T)


# %% wrong: no memory -> It is the memory
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih)


# %% wrong: two tanh -> one tanh, of the sum
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih) + torch.tanh(h @ w_hh.T + b_hh)


# %% wrong: brackets -> one tanh, of the sum
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih) + h @ w_hh.T + b_hh


# %% wrong: state without its weight -> goes through w_hh
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h + b_hh)


# %% wrong: added to the old state -> nothing is added after the tanh
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return h + torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


# %% wrong: written into the state -> changed its argument number 2
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    h[:] = torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
    return h


# %% wrong: old state detached -> .detach()
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h.detach() @ w_hh.T + b_hh)


# %% wrong: no gradients at all -> No gradient can flow back
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    with torch.no_grad():
        return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


# %% right: PyTorch's own cell, as a function
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.rnn_tanh_cell(x, h, w_ih, w_hh, b_ih, b_hh)


# %% right: a module that is lent the weights
from torch.func import functional_call


def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.RNNCell(x.shape[1], h.shape[1])
    weights = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
    return functional_call(cell, weights, (x, h))


# %% right: a callable object, in float64 inside
class Step:
    def __call__(self, inputs, state, *weights):
        a, b, c, d = (w.double() for w in weights)
        return (inputs.double() @ a.T + c + state.double() @ b.T + d).tanh().to(inputs.dtype)


rnn_step = Step()


# %% right: vmap over the batch
from functools import partial


def _one(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(w_ih @ x + b_ih + w_hh @ h + b_hh)


rnn_step = partial(torch.vmap(_one, in_dims=(0, 0, None, None, None, None)))


# %% right: sums written out
rnn_step = lambda x, h, w_ih, w_hh, b_ih, b_hh: torch.tanh(  # noqa: E731
    (x[:, None] * w_ih).sum(dim=-1) + (h[:, None] * w_hh).sum(dim=-1) + b_ih + b_hh
)


# %% wrong: weights wrapped as new parameters -> nn.Parameter(...)
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    w_ih, w_hh = nn.Parameter(w_ih), nn.Parameter(w_hh)
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


# %% wrong: weights copied into a cell -> copying into an nn.Module
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.RNNCell(x.shape[1], h.shape[1]).to(x.dtype)
    with torch.no_grad():
        for target, source in zip(cell.parameters(), (w_ih, w_hh, b_ih, b_hh)):
            target.copy_(source)
    return cell(x, h)


# %% wrong: data of the weights -> no history
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.data.T + b_ih + h @ w_hh.data.T + b_hh)


# %% wrong: half of the way is cut -> was cut off from its history
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + (0.5 * h + 0.5 * h.detach()) @ w_hh.T + b_hh)


# %% wrong: tanh that overflows -> exp of a large number is inf
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    total = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
    return (total.exp() - (-total).exp()) / (total.exp() + (-total).exp())


# %% wrong: always float32 -> dtype
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).float()


# %% wrong: biases added in place -> changed its argument number 5
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    b_ih.data += b_hh.data
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T)


# %% wrong: a weight turned in place -> changed its argument number 3
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    w_ih.t_()
    return torch.tanh(x @ w_ih + b_ih + h @ w_hh.T + b_hh)


# %% wrong: one state for the whole batch -> The new state
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h[:1] @ w_hh.T + b_hh)


# %% wrong: by way of NumPy -> Gradients must flow through this function
import numpy as np


def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    x, h, w_ih, w_hh, b_ih, b_hh = (t.numpy() for t in (x, h, w_ih, w_hh, b_ih, b_hh))
    return torch.from_numpy(np.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh))


# %% wrong: gradients stay off -> left gradients switched off
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    torch.set_grad_enabled(False)
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


# %% wrong: tanh of the math module -> torch.tanh and torch.sigmoid take tensors
import math


def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return math.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
