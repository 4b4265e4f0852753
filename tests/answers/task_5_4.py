# %% right: in the usual order
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% right: clipped by hand, mean by hand, cleared after the forward pass
def clipped_step(model, x, targets, optimizer, max_norm):
    model.train()
    loss = ((model(x) - targets) ** 2).mean()
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = sum((g**2).sum().item() for g in gradients) ** 0.5
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    optimizer.step()
    return loss.item(), norm


# %% right: model.zero_grad, a list as the result
def clipped_step(model, x, targets, optimizer, max_norm):
    model.zero_grad()
    loss = nn.MSELoss()(model(x), targets)
    loss.backward()
    norm = float(torch.nn.utils.clip_grad_norm_(list(model.parameters()), max_norm))
    optimizer.step()
    return [float(loss.detach()), norm]


# %% right: a closure
def clipped_step(model, x, targets, optimizer, max_norm):
    norms = []

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), targets)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), max_norm).item())
        return loss

    return optimizer.step(closure).item(), norms[0]


# %% right: autograd.grad, new tensors, cleared at the end as well
def clipped_step(model, x, targets, optimizer, max_norm):
    parameters = list(model.parameters())
    loss = nn.functional.mse_loss(model(x), targets)
    gradients = torch.autograd.grad(loss, parameters)
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    factor = (max_norm / norm).clamp(max=1)
    for p, g in zip(parameters, gradients):
        p.grad = g * factor
    optimizer.step()
    optimizer.zero_grad()
    return loss.item(), norm.item()


# %% right: the two halves of the ready-made one, parameters from the optimizer
def clipped_step(model, x, targets, optimizer, max_norm):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for p in parameters:
        p.grad = None
    prediction = model(x)
    loss = nn.functional.mse_loss(prediction, targets, reduction="sum") / targets.numel()
    loss.backward()
    norm = nn.utils.get_total_norm([p.grad for p in parameters])
    nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    optimizer.step()
    return loss.detach().item(), norm.item()


# %% wrong: no zero_grad -> backward() adds to them
def clipped_step(model, x, targets, optimizer, max_norm):
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: cleared at the end only -> backward() adds to them
def clipped_step(model, x, targets, optimizer, max_norm):
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item(), norm.item()


# %% wrong: cleared between backward and clipping -> not between backward() and the step
def clipped_step(model, x, targets, optimizer, max_norm):
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    optimizer.zero_grad()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: cleared between clipping and step -> not between backward() and the step
def clipped_step(model, x, targets, optimizer, max_norm):
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: clipped before backward -> The clipping stands before backward()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    loss.backward()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: clipped before backward, by hand -> as long as backward() has not been called
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= min(1.0, max_norm / norm.item())
    loss.backward()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: clipped after the step -> The clipping stands after optimizer.step()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    optimizer.step()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return loss.item(), norm.item()


# %% wrong: not clipped -> nobody had clipped
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: each element cut -> Every number was cut off by itself
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    nn.utils.clip_grad_value_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: each element cut, and nothing returned -> Every number was cut off by itself
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_value_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm


# %% wrong: each parameter by itself -> Every parameter's gradient was clipped by itself
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = 0.0
    for p in model.parameters():
        norm += nn.utils.clip_grad_norm_(p, max_norm).item() ** 2
    optimizer.step()
    return loss.item(), norm**0.5


# %% wrong: always scaled -> they were made longer
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= max_norm / norm
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: a limit of 1 -> The limit is the argument max_norm
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: the loss is clipped -> order is zero_grad()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    (loss * min(1.0, max_norm / loss.item())).backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: norm afterwards -> Both numbers are from before
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: loss after the step -> Both numbers are from before
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), targets).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return nn.functional.mse_loss(model(x), targets).item(), norm.item()


# %% wrong: exchanged -> The order is (loss, norm)
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return norm.item(), loss.item()


# %% wrong: no step -> Without optimizer.step()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return loss.item(), norm.item()


# %% wrong: step before backward -> called before backward()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    optimizer.step()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return loss.item(), norm.item()


# %% wrong: no backward -> did not move
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: an optimizer of its own -> not by a step of the given optimizer
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer = torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"])
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: tensors -> loss.item() and norm.item()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss, norm


# %% wrong: the norm is a tensor -> no float for the norm
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm


# %% wrong: no return -> return loss.item(), norm.item()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()


# %% wrong: a sum -> a mean over all elements
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets, reduction="sum")
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: item too early -> The loss must stay a tensor
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets).item()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss, norm.item()


# %% wrong: norm of the parameters -> what clip_grad_norm_ returns
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    norm = torch.stack([p.detach().norm() for p in model.parameters()]).norm()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: sum of the norms -> all gradients together
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = sum(p.grad.norm() for p in model.parameters())
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% right: gradients asked for by a decorator, the norm by foreach
@torch.enable_grad()
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.mse_loss(input=model(x), target=targets)
    loss.backward()
    norm = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in model.parameters()]))
    if norm > max_norm:
        torch._foreach_mul_([p.grad for p in model.parameters()], (max_norm / norm).item())
    optimizer.step()
    return loss.tolist(), norm.tolist()


# %% right: a callable object
class Step:
    limit = staticmethod(nn.utils.clip_grad_norm_)

    def __call__(self, model, x, targets, optimizer, max_norm):
        optimizer.zero_grad()
        (loss := (model(x) - targets).pow(2).mean()).backward()
        norm = self.limit(model.parameters(), max_norm=max_norm, norm_type=2.0)
        optimizer.step()
        return float(loss), float(norm)


clipped_step = Step()


# %% wrong: the largest number is taken for the norm -> norm_type=2
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm, norm_type=float("inf"))
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: only the first group of the optimizer -> there are two groups
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: two steps -> optimizer.step() was called twice
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: absolute errors -> not of the absolute values
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.l1_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: a step by hand -> not by a step of the given optimizer
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    with torch.no_grad():
        for p in model.parameters():
            p -= optimizer.param_groups[0]["lr"] * p.grad
    return loss.item(), norm.item()


# %% wrong: NumPy's float32 -> no float for the loss
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach().float().numpy()[()], norm.item()


# %% wrong: backward twice -> graph a second time
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: the targets become an average of both -> changed its argument number 3
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    targets.zero_()
    return loss.item(), norm.item()


# %% wrong: gradients stay off -> left gradients switched off
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    torch.set_grad_enabled(False)
    return loss.item(), norm.item()

# %% wrong: each group of the optimizer by itself -> Each of the optimizer's two groups
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    for group in optimizer.param_groups:
        nn.utils.clip_grad_norm_(group["params"], max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: trained in evaluation mode -> switched the network to evaluation mode
def clipped_step(model, x, targets, optimizer, max_norm):
    model.eval()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: the network is given to the clipping -> wants the parameters
def clipped_step(model, x, targets, optimizer, max_norm):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model, max_norm)
    optimizer.step()
    return loss.item(), norm.item()


# %% wrong: the parameters are gone through twice -> gone through once
def clipped_step(model, x, targets, optimizer, max_norm):
    parameters = model.parameters()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), targets)
    loss.backward()
    norm = torch.stack([parameter.grad.norm() for parameter in parameters]).norm()
    nn.utils.clip_grad_norm_(parameters, max_norm)
    optimizer.step()
    return loss.item(), norm.item()
