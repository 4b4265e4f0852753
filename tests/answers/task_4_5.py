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
