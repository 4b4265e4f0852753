# %% right: a list that is filled and emptied
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers, batch = [], []

    def ask():
        with torch.no_grad():
            answers.extend(model(torch.stack(batch)).softmax(1))
        batch.clear()

    for image in images:
        batch.append(prepare(image))
        if len(batch) == batch_size:
            ask()
    if batch:
        ask()
    return answers


# %% right: one picture ahead
def predict_all(model, prepare, images, batch_size):
    model.train(False)
    batches = [[]]
    answers = []
    for image in images:
        if len(batches[-1]) == batch_size:
            answers += _ask(model, batches.pop())
            batches.append([])
        batches[-1].append(prepare(image))
    if batches[-1]:
        answers += _ask(model, batches.pop())
    return answers


@torch.inference_mode()
def _ask(model, batch):
    return [row.clone() for row in nn.functional.softmax(model(torch.stack(batch)), dim=-1)]


# %% right: next and StopIteration, results unbound
def predict_all(model, prepare, images, batch_size):
    model.eval()
    source, answers, more = iter(images), [], True
    while more:
        batch = []
        while len(batch) < batch_size:
            try:
                batch.append(prepare(next(source)))
            except StopIteration:
                more = False
                break
        if batch:
            with torch.no_grad():
                answers += torch.softmax(model(torch.cat([b[None] for b in batch])), dim=1).unbind()
    return answers


# %% right: pictures first, then tensors, as a tuple
def predict_all(model, prepare, images, batch_size):
    images = iter(images)
    model.eval()
    result = ()
    while True:
        some = list(islice(images, batch_size))
        if not some:
            return result
        x = torch.stack([prepare(image) for image in some])
        with torch.no_grad():
            p = model(x).log_softmax(dim=1).exp()
        result += tuple(p[i] for i in range(len(p)))


# %% wrong: one by one -> One picture at a time
def predict_all(model, prepare, images, batch_size):
    model.eval()
    with torch.no_grad():
        return [model(prepare(image).unsqueeze(0))[0].softmax(0) for image in images]


# %% wrong: all at once -> All at once
def predict_all(model, prepare, images, batch_size):
    model.eval()
    batch = [prepare(image) for image in images]
    with torch.no_grad():
        return list(model(torch.stack(batch)).softmax(1)) if batch else []


# %% wrong: the rest is lost -> The last pictures never reached the network
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers, batch = [], []
    with torch.no_grad():
        for image in images:
            batch.append(prepare(image))
            if len(batch) == batch_size:
                answers.extend(model(torch.stack(batch)).softmax(1))
                batch = []
    return answers


# %% wrong: no picture at all -> at least one tensor
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers, batch = [], []
    with torch.no_grad():
        for image in images:
            if len(batch) == batch_size:
                answers.extend(model(torch.stack(batch)).softmax(1))
                batch = []
            batch.append(prepare(image))
        answers.extend(model(torch.stack(batch)).softmax(1))
    return answers


# %% wrong: slices of a generator -> may be a generator
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers = []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            batch = [prepare(image) for image in images[start : start + batch_size]]
            answers.extend(model(torch.stack(batch)).softmax(1))
    return answers


# %% wrong: a list of the generator -> holds all pictures in memory
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = list(images), []
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            batch = [prepare(image) for image in images[start : start + batch_size]]
            answers.extend(model(torch.stack(batch)).softmax(1))
    return answers


# %% wrong: all prepared first -> Prepare the pictures of one batch
def predict_all(model, prepare, images, batch_size):
    model.eval()
    tensors, answers = [prepare(image) for image in images], []
    with torch.no_grad():
        for start in range(0, len(tensors), batch_size):
            answers.extend(model(torch.stack(tensors[start : start + batch_size])).softmax(1))
    return answers


# %% wrong: eval forgotten -> model.eval()
def predict_all(model, prepare, images, batch_size):
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: gradients are recorded -> torch.no_grad()
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    while batch := [prepare(image) for image in islice(images, batch_size)]:
        answers.extend(model(torch.stack(batch)).softmax(dim=1).detach())
    return answers


# %% wrong: softmax along the batch -> along the batch
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=0))
    return answers


# %% wrong: logits -> These are logits
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)))
    return answers


# %% wrong: a list of batches -> extend, or +=
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.append(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: class numbers -> Answer 1
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1).argmax(1))
    return answers


# %% wrong: one tensor -> must be a list
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return torch.stack(answers) if answers else torch.empty(0)


# %% wrong: last batch first -> order of the pictures
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers = list(model(torch.stack(batch)).softmax(dim=1).flip(0)) + answers
    return answers


# %% wrong: yields -> no yield
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images = iter(images)
    while batch := [prepare(image) for image in islice(images, batch_size)]:
        with torch.no_grad():
            yield from model(torch.stack(batch)).softmax(dim=1)


# %% right: batched, a frozen network
def _batches(images, size):
    batch = []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def predict_all(model, prepare, images, batch_size):
    frozen = model.requires_grad_(False).eval()
    result = []
    for batch in _batches(images, batch_size):
        result += list(frozen.forward(torch.stack([*map(prepare, batch)])).softmax(-1))
    return result


# %% right: a callable object with a queue
from collections import deque


class Predictor:
    @torch.inference_mode()
    def flush(self):
        batch = torch.stack(tuple(self.waiting))
        self.waiting.clear()
        self.answers.extend(torch.exp(nn.functional.log_softmax(self.model(batch), 1)).unbind(0))

    def __call__(self, model, prepare, images, batch_size):
        self.model, self.answers, self.waiting = model.eval(), [], deque()
        for image in images:
            self.waiting.append(prepare(image))
            if len(self.waiting) >= batch_size:
                self.flush()
        if self.waiting:
            self.flush()
        return self.answers


predict_all = Predictor()


# %% wrong: places of islice, on a generator -> islice(images, batch_size) takes the next ones
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers, start = [], 0
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, start, start + batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
            start += batch_size
    return answers


# %% wrong: cat at the end -> torch.cat needs at least one tensor
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.append(model(torch.stack(batch)).softmax(dim=1))
    return list(torch.cat(answers))


# %% wrong: every second batch is lost -> never reached the network
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
            next(images, None)
    return answers


# %% wrong: a fixed batch size -> not as large as asked for
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, 2)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: the network is not called -> The network was not called
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(torch.rand(len(batch), 5))
    return answers


# %% wrong: only the outermost module is in evaluation mode -> model.eval()
def predict_all(model, prepare, images, batch_size):
    model.training = False
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: one row for all of a batch -> Answer 1
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1).mean(0, keepdim=True).expand(len(batch), -1))
    return answers


# %% wrong: arrays of NumPy -> Answer 1
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1).numpy())
    return answers


# %% wrong: two batches ahead -> taken from the generator
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while chunk := list(islice(images, 2 * batch_size + 2)):
            for start in range(0, len(chunk), batch_size):
                batch = [prepare(image) for image in chunk[start : start + batch_size]]
                answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: gradients stay off -> left gradients switched off
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    torch.set_grad_enabled(False)
    if True:
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: the caller's list is emptied -> The pictures that were given have changed
def predict_all(model, prepare, images, batch_size):
    model.eval()
    if isinstance(images, list):
        waiting = [images.pop(0) for _ in range(len(images))]
        images = waiting
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: one picture is lost at the end of each batch -> note in prepare which ones do
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers, batch = [], []
    with torch.no_grad():
        for image in images:
            if len(batch) == batch_size:
                answers.extend(model(torch.stack(batch)).softmax(dim=1))
                batch = []
            else:
                batch.append(prepare(image))
        if batch:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: two pictures are taken ahead -> and go on with the next ones
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    waiting = list(islice(images, 2))
    with torch.no_grad():
        while waiting:
            waiting += islice(images, batch_size)
            batch, waiting = waiting[:batch_size], waiting[batch_size:]
            answers.extend(model(torch.stack([prepare(image) for image in batch])).softmax(dim=1))
    return answers


# %% wrong: exp by hand, which overflows -> softmax takes care of that
def predict_all(model, prepare, images, batch_size):
    model.eval()
    images, answers = iter(images), []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            scores = model(torch.stack(batch)).exp()
            answers.extend(scores / scores.sum(dim=1, keepdim=True))
    return answers


# %% wrong: a list begins again each time, without end -> remembers where it stopped
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers = []
    with torch.no_grad():
        while batch := [prepare(image) for image in islice(images, batch_size)]:
            answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers


# %% wrong: a list begins again each time -> remembers where it stopped
def predict_all(model, prepare, images, batch_size):
    model.eval()
    answers = []
    with torch.no_grad():
        for _ in range(5):
            batch = [prepare(image) for image in islice(images, batch_size)]
            if batch:
                answers.extend(model(torch.stack(batch)).softmax(dim=1))
    return answers
