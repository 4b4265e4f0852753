"""The hints that all tasks share. A task's own hints are in its check: known mistakes, kinds of failure, errors."""

import re

# For a kind of difference between an answer and the right one; see ``expect`` in compare.py.
DEFAULT_HINTS = {
    "none": "Does the function end with `return`?",
    "type": "Look at what your function returns: print(type(result)).",
    "shape": "Print the shapes of what goes in and of each step: which dimension is lost, or one too many?",
    "dtype": "Check the dtype: an integer tensor stays integer, NumPy's default is float64.",
    "nonfinite": "Look for a division by zero, log(0), or exp of something large.",
    "values": "Work one small case out by hand and compare each step.",
}

IN_PLACE_HINT = (
    "An operation in place (x += 1, x[...] = 0, or a name that ends in _) changes the caller's tensor: "
    "make a new tensor, or work on x.clone()."
)

GRADIENTS_HINT = (
    "torch.set_grad_enabled(False) stays in force, so no later backward() works. Use `with torch.no_grad():`, which "
    "ends with its block."
)

READ_THE_ERROR = "Read the last line of the error, then try the function on a small input in a cell of your own."

# For an exception in the student's code: part of its text, as a regular expression.
_ERROR_HINTS = {
    r"must match the size|shapes cannot be multiplied|broadcast": "Two shapes do not fit: print both, and insert a "
    "dimension of size 1 where one is missing (unsqueeze, or keepdim=True).",
    r"same device|device-side": "Two tensors lie on different devices: move one with .to(other.device).",
    r"does not require grad": "No gradient was recorded: is requires_grad set, and nothing detached?",
    r"backward through the graph a second time": "The graph is freed by backward(): compute the loss again first.",
    r"leaf Variable that requires grad": "Change parameters inside `with torch.no_grad():`.",
    r"expected scalar type|same dtype": "Two dtypes do not fit: convert one, for example with .float() or .long().",
    r"takes \d+ positional|unexpected keyword|missing \d+ required": "Keep the function's name and arguments as given.",
    r"^NameError|UnboundLocalError": "A name is used that was never assigned: is it spelt the same everywhere?",
    r"^KeyboardInterrupt|TimeoutError": "It ran too long: is there a loop that never ends?",
}


def hint_for_error(error: str, own: dict[str, str]) -> str:
    """The hint for an exception in the student's code, such as ``KeyError: 'x'``.

    Args:
        error: the name of its class and its text.
        own: the task's own hints by regular expression (``on_error`` of its decorator), which come first.
    """
    for pattern, hint in [*own.items(), *_ERROR_HINTS.items()]:
        if re.search(pattern, error):
            return hint
    return READ_THE_ERROR


def shared_hints() -> list[str]:
    """All hints of this module; none of them holds a value."""
    return [*DEFAULT_HINTS.values(), IN_PLACE_HINT, GRADIENTS_HINT, READ_THE_ERROR, *_ERROR_HINTS.values()]
