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


# %% wrong: old state detached -> cut the way back
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h.detach() @ w_hh.T + b_hh)


# %% wrong: no gradients at all -> No gradient can flow back
def rnn_step(x, h, w_ih, w_hh, b_ih, b_hh):
    with torch.no_grad():
        return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
