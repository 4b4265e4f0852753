# %% right: pooled before the ReLU, view
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = torch.relu(self.pool(self.conv1(x)))
        x = torch.relu(self.pool(self.conv2(x)))
        x = x.view(-1, 800)
        x = self.dropout(self.fc1(x)).relu()
        return self.fc2(x)


# %% right: functional, with the mode
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.reshape(len(x), -1)))
        x = F.dropout(x, 0.5, training=self.training)
        return self.fc2(x)


# %% right: a Sequential inside, other names
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 32, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


# %% right: a loop and clamp
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = self.pool(conv(x).clamp(min=0))
        hidden = torch.flatten(x, start_dim=1)
        hidden = torch.maximum(self.fc1(hidden), torch.zeros(()))
        return self.fc2(self.dropout(hidden))


# %% wrong: softmax at the end -> Remove the softmax
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x).softmax(dim=1)


# %% wrong: log-softmax at the end -> Remove the log-softmax
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return F.log_softmax(self.fc2(x), dim=1)


# %% wrong: ReLU at the end -> cuts off all negative logits
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return F.relu(self.fc2(x))


# %% wrong: no ReLU after fc1 -> A ReLU is missing
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(self.fc1(x.flatten(1)))
        return self.fc2(x)


# %% wrong: no ReLU after the convolutions -> A ReLU is missing
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(self.conv1(x))
        x = self.pool(self.conv2(x))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: no dropout -> In training mode nothing is dropped
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


# %% wrong: F.dropout without the mode -> training=self.training
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.5)
        return self.fc2(x)


# %% wrong: dropout on the pictures' features -> there and nowhere else
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(self.dropout(x.flatten(1))))
        return self.fc2(x)


# %% wrong: dropout on the logits -> there and nowhere else
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.dropout(self.fc2(x))


# %% wrong: dropout twice -> there and nowhere else
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(x.flatten(1))
        x = self.dropout(F.relu(self.fc1(x)))
        return self.fc2(x)


# %% wrong: flattened with the batch -> keep the batch
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten())))
        return self.fc2(x)


# %% wrong: only one pooling -> fc1 takes 800 numbers
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = F.relu(self.conv2(x))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: conv2 first -> order of the convolutions
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv2(x)))
        x = self.pool(F.relu(self.conv1(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: squeezed -> batch of one
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x).squeeze()


# %% wrong: average pooling -> average pooling
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        x = F.avg_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: tanh -> no other activation
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(torch.tanh(self.conv1(x)))
        x = self.pool(torch.tanh(self.conv2(x)))
        x = self.dropout(torch.tanh(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: return forgotten -> end with `return`
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        x = self.fc2(x)


# %% right: a list of steps, nested
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(torch.relu_(conv(x)), kernel_size=2, stride=2)
        hidden = torch.clamp_min(self.fc1(torch.flatten(x, start_dim=1)), 0)
        return self.fc2(input=self.dropout(hidden))


# %% right: einsum for the last layer, maximum for ReLU
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(self.conv1(x).maximum(torch.zeros((), device=x.device)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return torch.einsum("bi,oi->bo", x, self.fc2.weight) + self.fc2.bias


# %% right: nn.functional.dropout by name, reshape with the batch
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.dropout(F.relu(self.fc1(x.reshape(x.size(0), 800))), p=self.dropout.p, training=self.training)
        return self.fc2(x)


# %% wrong: a batch of 64 built in -> The batch, whatever its size
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.view(64, -1))))
        return self.fc2(x)


# %% wrong: a batch of 4 built in -> whatever its size
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.reshape(4, -1))))
        return self.fc2(x)


# %% wrong: the channels join the batch -> The batch, whatever its size
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(2).flatten(0, 1))))
        return self.fc2(x)


# %% wrong: self.train() in forward -> must not call self.train()
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        self.train()
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: self.eval() in forward -> nothing is dropped
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        self.eval()
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: dropout made in forward -> made in forward
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = nn.Dropout(0.5)(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: no_grad in forward -> not require grad
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        with torch.no_grad():
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = self.dropout(F.relu(self.fc1(x.flatten(1))))
            return self.fc2(x)


# %% wrong: detached after the convolutions -> but not their gradients
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.detach().flatten(1))))
        return self.fc2(x)


# %% wrong: the data of the first layer -> but not their gradients
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)).data)
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: shrinks a weight each time -> leave the parameters
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        result = self.fc2(x)
        with torch.no_grad():
            self.fc2.weight.mul_(0.5)
        return result


# %% wrong: shrinks a weight at first -> changed the parameters
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        result = self.fc2(x)
        self.conv1.bias.data.mul_(0.5)
        return result


# %% wrong: normalised pictures -> The output is wrong
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = (x - x.mean()) / x.std()
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: flattened as columns -> with no dimension moved before
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.permute(0, 2, 3, 1).flatten(1))))
        return self.fc2(x)


# %% wrong: ReLU6 -> The output is wrong
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu6(self.conv1(x)))
        x = self.pool(F.relu6(self.conv2(x)))
        x = self.dropout(F.relu6(self.fc1(x.flatten(1))))
        return self.fc2(x)


# %% wrong: dropout after the first pool -> there and nowhere else
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.dropout(self.pool(F.relu(self.conv1(x))))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


# %% wrong: the first picture only -> Ten logits for each picture
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)[:1].expand(1, -1)[0]


# %% wrong: one mask for the whole batch -> not drawn one by one
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.pool(layer(x).relu())
        x = self.fc1(x.flatten(1)).relu()
        if self.training:
            x = x * (torch.rand(256) > 0.5) * 2
        return self.fc2(x)


# %% wrong: drops whole pictures -> not drawn one by one
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.pool(layer(x).relu())
        x = self.fc1(x.flatten(1)).relu()
        return self.fc2(F.dropout1d(x, 0.5, self.training))


# %% wrong: the same mask in each call -> not drawn one by one
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.pool(layer(x).relu())
        x = self.fc1(x.flatten(1)).relu()
        if self.training:
            x = x * (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) > 0.5) * 2
        return self.fc2(x)


# %% wrong: drops a fifth but doubles the rest -> each with probability 0.5
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.pool(layer(x).relu())
        x = self.fc1(x.flatten(1)).relu()
        if self.training:
            x = x * (torch.rand_like(x) > 0.2) * 2
        return self.fc2(x)


# %% wrong: without self -> with self. in front
class WiderNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, kernel_size=5), nn.Conv2d(8, 32, kernel_size=5)
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(800, 256), nn.Linear(256, 10)

    def forward(self, x):
        x = pool(F.relu(conv1(x)))
        x = pool(F.relu(conv2(x)))
        return fc2(dropout(F.relu(fc1(x.flatten(1)))))
