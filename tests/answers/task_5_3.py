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


# %% wrong: gates detached -> cut the way back
def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    xr, xz, xn = (x @ w_ih.T + b_ih).chunk(3, 1)
    hr, hz, hn = (h @ w_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr).detach(), torch.sigmoid(xz + hz).detach()
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h
