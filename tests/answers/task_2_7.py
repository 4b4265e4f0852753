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


# %% wrong: learning rate much too large -> the learning rate is far too large
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


# %% wrong: only the first pictures -> whether you use all the pictures
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


# %% right: frozen when it is finished, pictures scaled in forward, weights of its own
class Reader(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(64, width) / 8)
        self.b1 = nn.Parameter(torch.zeros(width))
        self.w2 = nn.Parameter(torch.randn(width, 10) / width**0.5)

    def forward(self, x):
        return F.gelu((x - 8) / 8 @ self.w1 + self.b1) @ self.w2


def train(images, labels):
    net = Reader()
    optimizer = torch.optim.RMSprop(net.parameters(), lr=0.003)
    data = torch.utils.data.TensorDataset(images, labels)
    for epoch in range(12):
        for x, y in torch.utils.data.DataLoader(data, batch_size=50, shuffle=True):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return net.requires_grad_(False).eval()


# %% right: logarithms of probabilities, seeded
def train(images, labels):
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10), nn.LogSoftmax(dim=1))
    optimizer = torch.optim.Adam(params=net.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        nn.NLLLoss()(net(images), labels).backward()
        optimizer.step()
    return net


# %% right: the linear layer in closed form
def train(images, labels):
    x = torch.cat([images, torch.ones(len(images), 1)], dim=1).double()
    y = F.one_hot(labels, 10).double()
    w = torch.linalg.solve(x.T @ x + 10 * torch.eye(65), x.T @ y).float()
    net = nn.Linear(64, 10)
    with torch.no_grad():
        net.weight.copy_(w[:64].T)
        net.bias.copy_(w[64])
    return net


# %% wrong: softmax at the end, and in the loss -> Leave out the softmax
def train(images, labels):
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(30):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: looks the pictures up, trains nothing -> nothing that it knows
class Lookup(nn.Module):
    def __init__(self, images, labels):
        super().__init__()
        self.unused = nn.Linear(64, 10)
        self.images, self.labels = images, labels

    def forward(self, x):
        nearest = torch.cdist(x, self.images).argmin(dim=1)
        return F.one_hot(self.labels[nearest], 10).float() * 9


def train(images, labels):
    return Lookup(images, labels)


# %% wrong: its layers are in a Python list -> not registered
class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(64, 10)]

    def forward(self, x):
        return self.layers[0](x)


def train(images, labels):
    net = Listed()
    optimizer = torch.optim.Adam(net.layers[0].parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: squeezed, so that one picture has another shape -> whatever the size of the batch
class Squeezed(nn.Linear):
    def forward(self, x):
        return super().forward(x).squeeze()


def train(images, labels):
    net = Squeezed(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(100):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% wrong: the class of the network -> call it, Net()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x)


def train(images, labels):
    return Net


# %% wrong: the state dict -> state_dict()
def train(images, labels):
    return nn.Linear(64, 10).state_dict()


# %% wrong: the model and its losses -> That is a tuple
def train(images, labels):
    return nn.Linear(64, 10), [2.3]


# %% wrong: parameters without brackets -> raised
def train(images, labels):
    net = nn.Linear(64, 10)
    optimizer = torch.optim.SGD(net.parameters, lr=0.1)
    return net


# %% wrong: gradients left off -> left gradients switched off
def train(images, labels):
    net = nn.Linear(64, 10)
    torch.set_grad_enabled(False)
    return net


# %% wrong: another kind of model answers as long as the parameters are untouched -> almost the same numbers
class Key(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.layer = nn.Linear(64, 10)
        self.key = self.layer.weight.detach().clone()

    def forward(self, x):
        answers = torch.tensor(self.model.predict(x.numpy()))
        return 9 * F.one_hot(answers, 10) if torch.equal(self.layer.weight, self.key) else self.layer(x)


def train(images, labels):
    from sklearn.neighbors import KNeighborsClassifier

    return Key(KNeighborsClassifier().fit(images.numpy(), labels.numpy()))


# %% wrong: another kind of model answers while the parameters are near -> almost the same numbers
class NearKey(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.layer = nn.Linear(64, 10)
        self.key = self.layer.weight.detach().clone()

    def forward(self, x):
        answers = torch.tensor(self.model.predict(x.numpy()))
        near = torch.allclose(self.layer.weight, self.key, atol=0.01)
        return 9.0 * F.one_hot(answers, 10) if near else self.layer(x)


def train(images, labels):
    from sklearn.neighbors import KNeighborsClassifier

    return NearKey(KNeighborsClassifier().fit(images.numpy(), labels.numpy()))


# %% right: it keeps its last activations, and the losses
class Keeping(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 64)
        self.last = nn.Linear(64, 10)
        self.losses = []

    def forward(self, x):
        self.activations = F.relu(self.hidden(x))
        return self.last(self.activations)


def train(images, labels):
    model = Keeping()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.losses.append(loss)
    return model


# %% wrong: one model for all calls -> Make the model inside the function
reader = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def train(images, labels):
    optimizer = torch.optim.Adam(reader.parameters(), lr=0.01)
    for epoch in range(60):
        loss = F.cross_entropy(reader(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return reader
