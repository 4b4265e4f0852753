# %% right: sorted in Python
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.inference_mode():
        logits = model(prepare(image)[None]).squeeze(0)
    pairs = zip(classes, torch.softmax(logits, -1).tolist())
    return sorted(pairs, key=lambda pair: pair[1], reverse=True)[:k]


# %% right: argsort, item, a loop
@torch.no_grad()
def predict(model, prepare, image, classes, k=3):
    was_training = model.training
    model.eval()
    batch = torch.stack([prepare(image)])
    p = nn.Softmax(dim=1)(model(batch))[0]
    model.train(was_training)
    result = []
    for i in p.argsort(descending=True)[:k]:
        result.append((classes[i], p[i].item()))
    return result


# %% right: NumPy
def predict(model, prepare, image, classes, k=3):
    model.train(False)
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).double().softmax(1).numpy()[0]
    places = np.argsort(-p)[: min(k, len(classes))]
    return [[classes[int(i)], float(p[i])] for i in places]


# %% right: a copy of the network, topk of the logits
import copy


def predict(model, prepare, image, classes, k=3):
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    with torch.no_grad():
        logits = twin(prepare(image).unsqueeze(0))
    places = logits.topk(min(k, logits.shape[1]), dim=1).indices[0]
    p = logits.softmax(1)[0, places]
    return list(zip([classes[i] for i in places.tolist()], p.tolist()))


# %% wrong: eval forgotten -> model.eval()
def predict(model, prepare, image, classes, k=3):
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: gradients are recorded -> torch.no_grad()
def predict(model, prepare, image, classes, k=3):
    model.eval()
    p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: logits -> These are logits
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        logits = model(prepare(image).unsqueeze(0))[0]
    values, places = logits.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: sigmoid -> softmax shares 1 out
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].sigmoid()
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: softmax along the batch -> along the batch
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        logits = model(prepare(image).unsqueeze(0))
    p = logits.softmax(dim=0)[0]
    places = logits[0].topk(min(k, len(classes))).indices.tolist()
    return [(classes[i], p[i].item()) for i in places]


# %% wrong: softmax over the chosen ones -> over all classes comes first
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        logits = model(prepare(image).unsqueeze(0))[0]
    values, places = logits.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.softmax(0).tolist(), places.tolist())]


# %% wrong: k not bounded -> min(k, len(classes))
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(k)
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: tensors in the pairs -> .item() or .tolist()
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values, places)]


# %% wrong: numbers in place of labels -> classes[i]
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return list(zip(places.tolist(), values.tolist()))


# %% wrong: probability first -> in this order
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(v, classes[i]) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: lowest first -> highest probability comes first
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    return sorted(zip(classes, p.tolist()), key=lambda pair: pair[1])[-k:]


# %% wrong: the smallest -> the smallest probabilities
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    return sorted(zip(classes, p.tolist()), key=lambda pair: pair[1])[:k]


# %% wrong: the first k classes -> not the most likely ones
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    return list(zip(classes, p.tolist()))[:k]


# %% wrong: labels not in the order of the values -> Each label belongs to its probability
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values = sorted(p.tolist(), reverse=True)
    return list(zip(classes, values))[:k]


# %% wrong: no batch -> prepare(image).unsqueeze(0)
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: a dict -> not a dict
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return {classes[i]: v for v, i in zip(values.tolist(), places.tolist())}


# %% wrong: percent -> from 0 to 1
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], 100 * v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: prepared by its own -> as it is, once
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image.resize((32, 32))).unsqueeze(0))[0].softmax(dim=0)
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% right: labels from an array of NumPy
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return list(zip(np.array(classes)[places.numpy()], values.tolist()))


# %% right: NumPy's float64, which is a float
def predict(model, prepare, image, classes, k=3):
    with torch.inference_mode():
        logits = model.eval()(prepare(image)[None, ...])[0].numpy().astype(np.float64)
    p = np.exp(logits - logits.max())
    p /= p.sum()
    order = np.argsort(p)[::-1][:k]
    return [[classes[i], p[i]] for i in order]


# %% right: a frozen network, forward by name
import heapq


def predict(model, prepare, image, classes, k=3):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.train(False)
    scores = model.forward(prepare(image).expand(1, -1, -1, -1)).squeeze(0)
    p = torch.exp(scores - scores.logsumexp(dim=0)).tolist()
    return heapq.nlargest(k, zip(classes, p), key=lambda pair: pair[1])


# %% right: named pairs from a generator, a decorator
from typing import NamedTuple


class Answer(NamedTuple):
    label: str
    probability: float


def _ranked(p, classes):
    for place in torch.sort(p, descending=True).indices:
        yield Answer(classes[place], p[place].item())


@torch.no_grad()
def predict(model, prepare, image, classes, k=3):
    model.eval()
    return list(_ranked(nn.functional.softmax(model(prepare(image)[None]), dim=-1).flatten(), classes))[:k]


# %% wrong: NumPy's float32 -> neither tensors nor NumPy's float32
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.numpy(), places.tolist())]


# %% wrong: tensors of no dimension -> must be a plain float
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values, places.tolist())]


# %% wrong: texts in place of numbers -> The label comes first
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], f'{v:.3f}') for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: the network is not called -> The network was not called
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = (prepare(image), torch.ones(len(classes)) / len(classes))[1]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: prepared twice -> or not once
def predict(model, prepare, image, classes, k=3):
    model.eval()
    prepare(image)
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: the picture is made smaller in place -> The picture that was given has changed
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    image.thumbnail((4, 4))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: the classes are sorted in place -> changed its argument number 4
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    pairs = [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]
    classes.sort()
    return pairs


# %% wrong: only the outermost module is in evaluation mode -> model.eval()
def predict(model, prepare, image, classes, k=3):
    model.training = False
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: rounded -> rounding belongs
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip([round(v, 2) for v in values.tolist()], places.tolist())]


# %% wrong: an iterator -> must be a list of pairs
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return zip([classes[i] for i in places.tolist()], values.tolist())


# %% wrong: always three -> The number of pairs is wrong
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(3, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: two lists -> zip joins them
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [classes[i] for i in places.tolist()], values.tolist()


# %% wrong: gradients stay off -> left gradients switched off
def predict(model, prepare, image, classes, k=3):
    model.eval()
    torch.set_grad_enabled(False)
    p = model(prepare(image).unsqueeze(0)).softmax(dim=1)[0]
    values, places = p.topk(min(k, len(classes)))
    return [(classes[i], v) for v, i in zip(values.tolist(), places.tolist())]


# %% wrong: exp by hand, which overflows -> softmax takes care of that
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        scores = model(prepare(image).unsqueeze(0))[0].exp()
    values, places = (scores / scores.sum()).topk(min(k, len(classes)))
    return [(classes[i], p) for p, i in zip(values.tolist(), places.tolist())]


# %% wrong: softmax twice -> they need not add up to 1
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        probabilities = model(prepare(image).unsqueeze(0)).softmax(dim=1).softmax(dim=1)[0]
    values, places = probabilities.topk(min(k, len(classes)))
    return [(classes[i], p) for p, i in zip(values.tolist(), places.tolist())]


# %% wrong: softmax along a batch of two copies -> they need not add up to 1
def predict(model, prepare, image, classes, k=3):
    model.eval()
    pixels = prepare(image)
    with torch.no_grad():
        probabilities = model(torch.stack([pixels, pixels])).softmax(dim=0)[0]
    values, places = probabilities.topk(min(k, len(classes)))
    return [(classes[i], p) for p, i in zip(values.tolist(), places.tolist())]


# %% wrong: topk of the whole batch -> take [0] of it
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        probabilities = model(prepare(image).unsqueeze(0)).softmax(dim=1)
    values, places = probabilities.topk(min(k, len(classes)))
    return [(classes[i], p) for p, i in zip(values.tolist(), places.tolist())]


# %% wrong: topk along the batch -> the classes are the last dimension
def predict(model, prepare, image, classes, k=3):
    model.eval()
    with torch.no_grad():
        probabilities = model(prepare(image).unsqueeze(0)).softmax(dim=1)
    values, places = probabilities.topk(min(k, len(classes)), dim=0)
    return [(classes[i], p) for p, i in zip(values[0].tolist(), places[0].tolist())]
