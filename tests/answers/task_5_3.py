# %% right: chunks
import torch.nn.functional as F


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = F.linear(x, w_ih, b_ih).chunk(3, 1)
    hr, hz, hn = F.linear(h, w_hh, b_hh).chunk(3, 1)
    reset, update = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return torch.lerp((xn + reset * hn).tanh(), h, update)


# %% right: rows of the weights, gate by gate
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    H = h.shape[1]
    r_rows, z_rows, n_rows = slice(0, H), slice(H, 2 * H), slice(2 * H, 3 * H)
    r = torch.sigmoid(x @ w_ih[r_rows].T + b_ih[r_rows] + h @ w_hh[r_rows].T + b_hh[r_rows])
    z = torch.sigmoid(x @ w_ih[z_rows].T + b_ih[z_rows] + h @ w_hh[z_rows].T + b_hh[z_rows])
    n = torch.tanh(x @ w_ih[n_rows].T + b_ih[n_rows] + r * (h @ w_hh[n_rows].T + b_hh[n_rows]))
    return (1 - z) * n + z * h


# %% right: both gates at once
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    size = h.shape[-1]
    a, b = x @ w_ih.mT + b_ih, h @ w_hh.mT + b_hh
    gates = torch.sigmoid(a[:, : 2 * size] + b[:, : 2 * size])
    r, z = gates.split(size, dim=-1)
    n = torch.tanh(a[:, 2 * size :] + r * b[:, 2 * size :])
    return n + z * (h - n)


# %% right: reshaped to three layers
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    a = torch.einsum("bf,ghf->gbh", x, w_ih.reshape(3, -1, x.shape[1])) + b_ih.reshape(3, 1, -1)
    b = torch.einsum("bk,ghk->gbh", h, w_hh.reshape(3, -1, h.shape[1])) + b_hh.reshape(3, 1, -1)
    r = 1 / (1 + torch.exp(-a[0] - b[0]))
    z = 1 / (1 + torch.exp(-a[1] - b[1]))
    return (1 - z) * torch.tanh(a[2] + r * b[2]) + z * h


# %% wrong: weights of the blend exchanged -> z and 1 - z are exchanged
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return z * n + (1 - z) * h


# %% wrong: order z, r, n -> r, z, n, in this order
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xz, xr, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hz, hr, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: candidate first -> r, z, n, in this order
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xn, xr, xz = (x @ w_ih.T + b_ih).chunk(3, 1)
    hn, hr, hz = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: reset before the matrix -> before the matrix
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    H = h.shape[1]
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, _ = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + (r * h) @ w_hh[2 * H :].T + b_hh[2 * H :])
    return (1 - z) * n + z * h


# %% wrong: bias outside of the reset -> bias included
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T).chunk(3, 1)
    br, bz, bn = b_hh.chunk(3)
    r, z = torch.sigmoid(xr + hr + br), torch.sigmoid(xz + hz + bz)
    n = torch.tanh(xn + r * hn + bn)
    return (1 - z) * n + z * h


# %% wrong: reset on everything -> only on what comes from h
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(r * (xn + hn))
    return (1 - z) * n + z * h


# %% wrong: reset unused -> r is not used
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(xn + hn)
    return (1 - z) * n + z * h


# %% wrong: candidate without tanh -> n has a tanh
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = xn + r * hn
    return (1 - z) * n + z * h


# %% wrong: candidate with sigmoid -> Sigmoid is for the gates
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.sigmoid(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: gates without sigmoid -> needs a sigmoid
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = xr + hr, xz + hz
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: gates with tanh -> sigmoid, not tanh
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.tanh(xr + hr), torch.tanh(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: no biases -> biases b_ih and b_hh are missing
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: only the candidate -> This is the candidate
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return torch.tanh(xn + r * hn)


# %% wrong: cut along the batch -> dim=1
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% wrong: gates detached -> was cut off from its history
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr).detach(), torch.sigmoid(xz + hz).detach()
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h


# %% right: PyTorch's own cell, as a function
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.gru_cell(x, h, w_ih, w_hh, b_ih, b_hh)


# %% right: a module that is lent the weights
from torch.func import functional_call


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.GRUCell(x.shape[1], h.shape[1])
    weights = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
    return functional_call(cell, weights, (x, h))


# %% right: a callable object, in float64 inside
class Step:
    def gates(self, x, w, b):
        return torch.tensor_split(torch.addmm(b.double(), x.double(), w.double().t()), 3, dim=-1)

    def __call__(self, x, h, w_ih, w_hh, b_ih, b_hh):
        (xr, xz, xn), (hr, hz, hn) = self.gates(x, w_ih, b_ih), self.gates(h, w_hh, b_hh)
        reset, update = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        candidate = torch.tanh(xn + reset * hn)
        return (candidate + update * (h - candidate)).to(h.dtype)


gru_step = Step()


# %% right: a sequence of one step
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    weights = [w_ih, w_hh, b_ih, b_hh]
    return torch.gru(x[:, None], h[None].contiguous(), weights, True, 1, 0.0, False, False, True)[1][0]


# %% right: the batch one by one, sigmoid from tanh
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    def sigmoid(a):
        return 0.5 + 0.5 * torch.tanh(a / 2)

    H, rows = len(w_hh) // 3, []
    for i in range(len(x)):
        a, b = w_ih @ x[i] + b_ih, w_hh @ h[i] + b_hh
        r, z = sigmoid(a[:H] + b[:H]), sigmoid(a[H:-H] + b[H:-H])
        rows.append((1 - z) * torch.tanh(a[-H:] + r * b[-H:]) + z * h[i])
    return torch.stack(rows, dim=0)


# %% wrong: weights copied into a cell -> copying into an nn.Module
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.GRUCell(x.shape[1], h.shape[1]).to(x.dtype)
    cell.load_state_dict({"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh})
    return cell(x, h)


# %% wrong: weights wrapped as new parameters -> no history
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    cell = nn.GRUCell(x.shape[1], h.shape[1])
    cell.weight_ih, cell.weight_hh = nn.Parameter(w_ih), nn.Parameter(w_hh)
    cell.bias_ih, cell.bias_hh = nn.Parameter(b_ih), nn.Parameter(b_hh)
    return cell(x, h)


# %% wrong: tanh that overflows -> exp of a large number is inf
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    a = xn + r * hn
    n = (torch.exp(2 * a) - 1) / (torch.exp(2 * a) + 1)
    return (1 - z) * n + z * h


# %% wrong: sigmoid that overflows -> exp of a large number is inf
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = (xr + hr).exp() / (1 + (xr + hr).exp()), (xz + hz).exp() / (1 + (xz + hz).exp())
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


# %% wrong: always float32 -> dtype
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return ((1 - z) * torch.tanh(xn + r * hn) + z * h).float()


# %% wrong: the state is blended in place -> changed its argument number 2
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return h.mul_(z).add_((1 - z) * torch.tanh(xn + r * hn))


# %% wrong: the old state in the blend is detached -> was cut off from its history
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h.detach()


# %% wrong: reset gate of 1 - r -> not (1 - r)
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + (1 - r) * hn) + z * h


# %% wrong: a fixed size -> The new state
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih)[:, :6].chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh)[:, :6].chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h[:, :2]


# %% wrong: gradients stay off -> left gradients switched off
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    torch.set_grad_enabled(False)
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


# %% wrong: a matrix product with the gate -> element by element
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r @ h_n)
    return (1 - z) * n + z * h


# %% wrong: matrix products in the blend -> element by element
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return (1 - z) @ n + z @ h


# %% wrong: matrix products everywhere -> element by element
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, dim=1)
    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r @ h_n)
    return (1 - z) @ n + z @ h


# %% wrong: every third row -> not every third row
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    from_x, from_h = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    r = torch.sigmoid(from_x[:, 0::3] + from_h[:, 0::3])
    z = torch.sigmoid(from_x[:, 1::3] + from_h[:, 1::3])
    n = torch.tanh(from_x[:, 2::3] + r * from_h[:, 2::3])
    return (1 - z) * n + z * h
