# %% right: SGD with momentum
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(50):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(images), labels).backward()
        optimizer.step()
    return net


# %% right: mini-batches, Adam 0.001, a class that scales
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(64, 100), nn.Linear(100, 10)

    def forward(self, x):
        return self.output(torch.relu(self.hidden(x / 16)))


def train(images, labels):
    net = Scaled()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for _ in range(15):
        for batch in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


# %% right: the update by hand
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 10))
    for _ in range(150):
        loss = F.cross_entropy(net(images), labels)
        gradients = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for p, g in zip(net.parameters(), gradients):
                p -= 0.1 * g
    return net


# %% right: with dropout and batch norm, left in training mode
def train(images, labels):
    net = nn.Sequential(
        nn.BatchNorm1d(64), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(30):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% right: one layer
def train(images, labels):
    net = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: not trained -> better than guessing
def train(images, labels):
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: step forgotten -> better than guessing
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
    return net


# %% wrong: too few epochs of the slides' SGD -> stopped too early
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: learning rate too small -> larger learning rate
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: learning rate much too large -> learning rate is far too large
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=10)
    for _ in range(50):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: diverged -> nan or inf
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=10)
    for _ in range(100):
        loss = F.mse_loss(net(images), F.one_hot(labels, 10).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: zero_grad forgotten -> Print the loss
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    return net


# %% wrong: labels shuffled apart from the images -> keep its own label
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    images, labels = images[torch.randperm(len(images))], labels[torch.randperm(len(labels))]
    for _ in range(60):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: the optimizer of another model -> parameters the optimizer got
def train(images, labels):
    def new():
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    net, optimizer = new(), torch.optim.Adam(new().parameters(), lr=0.01)
    for _ in range(20):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: only the first pictures -> use all the pictures
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(60):
        loss = F.cross_entropy(net(images[:30]), labels[:30])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: scaled to -1 to 1 in the training only -> must be a part of the model
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    scaled = (images / 16 - 0.5) / 0.5
    for _ in range(100):
        loss = F.cross_entropy(net(scaled), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: standardised in the training only -> must be a part of the model
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    std = images.std(dim=0)
    scaled = (images - images.mean(dim=0)) / torch.where(std == 0, 1.0, std)
    for _ in range(100):
        loss = F.cross_entropy(net(scaled), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: scaled in place -> changed its argument
def train(images, labels):
    images /= 16
    net = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: no return -> End it with
def train(images, labels):
    net = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# %% wrong: the answers instead of the model -> an nn.Module
def train(images, labels):
    net = nn.Linear(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net(images)


# %% wrong: one output -> must give ten logits
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 10), nn.Linear(10, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(20):
        loss = F.mse_loss(net(images), labels.float().unsqueeze(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net
