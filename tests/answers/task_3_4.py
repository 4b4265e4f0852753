# %% right: two loaders
def make_loaders(train_set, test_set, batch_size=128):
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=batch_size)
    return train_loader, test_loader


# %% right: everything said
def make_loaders(train_set, test_set, batch_size=128):
    options = dict(batch_size=batch_size, drop_last=False, num_workers=0)
    return [DataLoader(data, shuffle=data is train_set, **options) for data in (train_set, test_set)]


# %% right: samplers
from torch.utils.data import RandomSampler, SequentialSampler


def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size, sampler=RandomSampler(train_set))
    test = DataLoader(test_set, batch_size, sampler=SequentialSampler(test_set))
    return train, test


# %% right: batches from a sampler of our own
class Batches:
    def __init__(self, size, batch_size):
        self.size, self.batch_size = size, batch_size

    def __len__(self):
        return -(-self.size // self.batch_size)

    def __iter__(self):
        return iter(torch.randperm(self.size).split(self.batch_size))


def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, sampler=Batches(len(train_set), batch_size), batch_size=None)
    return train, DataLoader(test_set, batch_size, False)


# %% right: a seeded generator
def make_loaders(train_set, test_set, batch_size=128):
    generator = torch.Generator().manual_seed(5)
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True, generator=generator)
    return train, DataLoader(test_set, batch_size=batch_size, shuffle=False)


# %% wrong: no shuffle -> shuffle=True
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, batch_size=batch_size), DataLoader(test_set, batch_size=batch_size)


# %% wrong: test data shuffled -> no shuffle there
def make_loaders(train_set, test_set, batch_size=128):
    return tuple(DataLoader(data, batch_size=batch_size, shuffle=True) for data in (train_set, test_set))


# %% wrong: the wrong one shuffled -> shuffle=True
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, batch_size=batch_size), DataLoader(test_set, batch_size=batch_size, shuffle=True)


# %% wrong: drops the last batch -> leave out drop_last
def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True, drop_last=True)
    return train, DataLoader(test_set, batch_size=batch_size)


# %% wrong: drops the last test batch -> leave out drop_last
def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train, DataLoader(test_set, batch_size=batch_size, drop_last=True)


# %% wrong: fixed batch size -> batch_size on to both
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, batch_size=128, shuffle=True), DataLoader(test_set, batch_size=128)


# %% wrong: the test set in one batch -> batch_size on to both
def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train, DataLoader(test_set, batch_size=len(test_set))


# %% wrong: no batch size -> batches of 1
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, shuffle=True), DataLoader(test_set)


# %% wrong: two training sets -> first loader reads train_set
def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train, DataLoader(train_set, batch_size=batch_size)


# %% wrong: turned round -> first loader reads train_set
def make_loaders(train_set, test_set, batch_size=128):
    train = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return DataLoader(test_set, batch_size=batch_size), train


# %% wrong: shuffled once and for all -> A new order must be drawn
def make_loaders(train_set, test_set, batch_size=128):
    shuffled = torch.utils.data.Subset(train_set, torch.randperm(len(train_set)).tolist())
    return DataLoader(shuffled, batch_size=batch_size), DataLoader(test_set, batch_size=batch_size)


# %% wrong: drawn with replacement -> exactly once
def make_loaders(train_set, test_set, batch_size=128):
    sampler = torch.utils.data.RandomSampler(train_set, replacement=True)
    return DataLoader(train_set, batch_size, sampler=sampler), DataLoader(test_set, batch_size)


# %% wrong: one loader only -> two DataLoaders
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, batch_size=batch_size, shuffle=True)


# %% right: a partial, keywords, workers
import functools


def make_loaders(train_set, test_set, batch_size=128):
    loader = functools.partial(DataLoader, batch_size=batch_size, drop_last=False)
    return loader(dataset=train_set, shuffle=True), loader(dataset=test_set, shuffle=False)


# %% right: a subclass, a list
class Loader(DataLoader):
    def __init__(self, data, size, training):
        super().__init__(data, batch_size=size, shuffle=training)


def make_loaders(train_set, test_set, batch_size=128):
    return [Loader(data, batch_size, data is train_set) for data in (train_set, test_set)]


# %% right: a batch sampler
def make_loaders(train_set, test_set, batch_size=128):
    samplers = torch.utils.data.RandomSampler(train_set), torch.utils.data.SequentialSampler(test_set)
    batches = [torch.utils.data.BatchSampler(sampler, batch_size, drop_last=False) for sampler in samplers]
    return DataLoader(train_set, batch_sampler=batches[0]), DataLoader(test_set, batch_sampler=batches[1])


# %% wrong: a part of the training data for validation -> nothing is split off
def make_loaders(train_set, test_set, batch_size=128):
    count = int(0.8 * len(train_set))
    part, _ = torch.utils.data.random_split(train_set, [count, len(train_set) - count])
    return DataLoader(part, batch_size, shuffle=True), DataLoader(test_set, batch_size)


# %% wrong: both sets together -> nothing is split off
def make_loaders(train_set, test_set, batch_size=128):
    both = torch.utils.data.ConcatDataset([train_set, test_set])
    return DataLoader(both, batch_size, shuffle=True), DataLoader(test_set, batch_size)


# %% wrong: batches of neighbours in random order -> drawn one by one
def make_loaders(train_set, test_set, batch_size=128):
    class Blocks:
        def __iter__(self):
            blocks = list(torch.arange(len(train_set)).split(batch_size))
            last = blocks.pop()
            for i in [*torch.randperm(len(blocks)).tolist()]:
                yield blocks[i].roll(int(torch.randint(batch_size, ()))).tolist()
            yield last.roll(1).tolist()

        def __len__(self):
            return -(-len(train_set) // batch_size)

    return DataLoader(train_set, batch_sampler=Blocks()), DataLoader(test_set, batch_size)


# %% wrong: begins somewhere and goes round -> drawn one by one
def make_loaders(train_set, test_set, batch_size=128):
    class Round:
        def __iter__(self):
            begin = int(torch.randint(1, len(train_set), ()))
            return iter([(begin + i) % len(train_set) for i in range(len(train_set))])

        def __len__(self):
            return len(train_set)

    return DataLoader(train_set, batch_size, sampler=Round()), DataLoader(test_set, batch_size)


# %% wrong: an epoch once only -> must be two DataLoaders
def make_loaders(train_set, test_set, batch_size=128):
    return iter(DataLoader(train_set, batch_size, shuffle=True)), iter(DataLoader(test_set, batch_size))


# %% wrong: each sample alone in the test -> batches of 1
def make_loaders(train_set, test_set, batch_size=128):
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(test_set, batch_size=1)


# %% wrong: gradients switched off for good -> left gradients switched off
def make_loaders(train_set, test_set, batch_size=128):
    torch.set_grad_enabled(False)
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(test_set, batch_size)


# %% wrong: the test data backwards -> test data are shuffled
def make_loaders(train_set, test_set, batch_size=128):
    backwards = torch.utils.data.Subset(test_set, range(len(test_set) - 1, -1, -1))
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(backwards, batch_size)
