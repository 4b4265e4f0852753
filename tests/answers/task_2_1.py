# %% right: sequential with names
from collections import OrderedDict

model = nn.Sequential(
    OrderedDict(
        first=nn.Linear(64, 128), bend=nn.ReLU(), second=nn.Linear(128, 64), bend2=nn.ReLU(), last=nn.Linear(64, 10)
    )
)


# %% right: a class
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(64, 10)  # the order of the parameters does not matter
        self.hidden1 = nn.Linear(64, 128)
        self.hidden2 = nn.Linear(128, 64)

    def forward(self, x):
        x = torch.relu(self.hidden1(x))
        x = F.relu(self.hidden2(x))
        return self.output(x)


model = Net()


# %% right: nested, one ReLU used twice
bend = nn.ReLU(inplace=True)
model = nn.Sequential(nn.Sequential(nn.Linear(64, 128), bend), nn.Sequential(nn.Linear(128, 64), bend), nn.Linear(64, 10))


# %% right: appended in a loop, with a Flatten
sizes = [64, 128, 64, 10]
model = nn.Sequential(nn.Flatten())
for a, b in zip(sizes, sizes[1:]):
    model.append(nn.Linear(a, b))
    if b != 10:
        model.append(nn.ReLU())


# %% right: matrix products by hand, in evaluation mode
class ByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(b, a)) for a, b in ((64, 128), (128, 64), (64, 10))])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(n)) for n in (128, 64, 10)])

    def forward(self, x):
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = x @ weight.T + bias
            if number < 2:
                x = x.clamp(min=0)
        return x


model = ByHand().eval()


# %% wrong: softmax at the end -> Remove the softmax
model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1)
)


# %% wrong: log-softmax at the end -> Remove the log-softmax
model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.LogSoftmax(dim=1)
)


# %% wrong: ReLU after the last layer -> ReLU after the last layer
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.ReLU())


# %% wrong: no activation -> No activation
model = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 64), nn.Linear(64, 10))


# %% wrong: one ReLU missing -> after the second nn.Linear is missing
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.Linear(64, 10))


# %% wrong: first ReLU missing -> after the first nn.Linear is missing
model = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: sigmoid -> no other activation
model = nn.Sequential(nn.Linear(64, 128), nn.Sigmoid(), nn.Linear(128, 64), nn.Sigmoid(), nn.Linear(64, 10))


# %% wrong: leaky -> no other activation
model = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(), nn.Linear(128, 64), nn.LeakyReLU(), nn.Linear(64, 10))


# %% wrong: the lecture's sizes -> line by line
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10))


# %% wrong: in and out swapped -> nn.Linear(in_features, out_features)
model = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(10, 64))


# %% wrong: no bias -> bias=True
model = nn.Sequential(
    nn.Linear(64, 128, bias=False), nn.ReLU(), nn.Linear(128, 64, bias=False), nn.ReLU(), nn.Linear(64, 10, bias=False)
)


# %% wrong: a layer missing -> A layer is missing
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


# %% wrong: dropout -> In training mode
model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)


# %% wrong: batch norm -> one layer too many
model = nn.Sequential(
    nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)


# %% wrong: the class instead of a network -> call it, Net()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.layers(x)


model = Net


# %% wrong: a list -> nn.Sequential(*layers)
model = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]


# %% wrong: looks right, forward does not use it -> Which layers
class Liar(nn.Sequential):
    def forward(self, x):
        return super().forward(x).flip(1)


model = Liar(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% right: unpacked from a list, uncommon initial values
layers = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]
model = nn.Sequential(*layers)
for p in model.parameters():
    nn.init.constant_(p, 0.01)


# %% right: a subclass of Sequential that builds itself
class Funnel(nn.Sequential):
    def __init__(self, *sizes):
        parts = []
        for a, b in zip(sizes, sizes[1:]):
            parts += [nn.Linear(a, b), nn.ReLU()]
        super().__init__(*parts[:-1])


model = Funnel(64, 128, 64, 10)


# %% right: layers in a ModuleList, functional linear, einsum
class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in [(64, 128), (128, 64), (64, 10)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.maximum(torch.einsum("bi,oi->bo", x, layer.weight) + layer.bias, torch.zeros(()))
        return F.linear(x, *self.layers[-1].parameters())


model = Listed()


# %% right: Identity and Dropout that drops nothing
model = nn.Sequential(
    nn.Identity(), nn.Linear(64, 128), nn.Threshold(0, 0), nn.Dropout(0.0), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
)


# %% wrong: layers in a Python list -> not registered
class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


model = Listed()


# %% wrong: one layer outside of the network -> A layer is missing
last = nn.Linear(64, 10)


class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 128), nn.Linear(128, 64)

    def forward(self, x):
        return last(self.second(self.first(x).relu()).relu())


model = Half()


# %% wrong: forward uses layers from outside -> gives the same output
body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return body(x)


model = Wrapper()


# %% wrong: frozen -> requires_grad=False
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
model.requires_grad_(False)


# %% wrong: only the last layer can be trained -> requires_grad=False
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
model[0].requires_grad_(False)
model[2].requires_grad_(False)


# %% wrong: no gradients in forward -> the gradients that flow back
class Cut(nn.Sequential):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


model = Cut(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: detached between the layers -> the gradients that flow back
class Cut(nn.Sequential):
    def forward(self, x):
        for number, layer in enumerate(self):
            x = layer(x.detach() if number == 2 else x)
        return x


model = Cut(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: the state dict -> not its state_dict()
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)).state_dict()


# %% wrong: a comma too many -> That is a tuple
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)),


# %% wrong: the batch of the first check -> raised
class Five(nn.Sequential):
    def forward(self, x):
        return super().forward(x.reshape(5, 64))


model = Five(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: squeezed for one picture -> nothing after the last layer
class Squeezed(nn.Sequential):
    def forward(self, x):
        return super().forward(x).squeeze()


model = Squeezed(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: a mean over the batch subtracted -> Which layers
class Centred(nn.Sequential):
    def forward(self, x):
        return super().forward(x - x.mean(dim=1, keepdim=True))


model = Centred(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: ReLU6 cuts off above -> no other activation
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU6(), nn.Linear(128, 64), nn.ReLU6(), nn.Linear(64, 10))


# %% wrong: gradients left off -> left gradients switched off
class Off(nn.Sequential):
    def forward(self, x):
        torch.set_grad_enabled(False)
        return super().forward(x)


model = Off(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


# %% wrong: the last layer without bias -> a layer without its bias
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10, bias=False))


# %% right: it keeps what the layers gave, and has been called
class Keeping(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 128)
        self.second = nn.Linear(128, 64)
        self.last = nn.Linear(64, 10)
        self.seen = []

    def forward(self, x):
        self.hidden = F.relu(self.first(x))
        self.seen.append({"second": F.relu(self.second(self.hidden))})
        return self.last(self.seen[-1]["second"])


model = Keeping()
model(torch.rand(3, 64))
