"""The hints that all tasks share. A task's own hints are in its check: known mistakes, kinds of failure, errors.

A hint names a cause only if the text of the error, or the line that raised it, shows that cause. Otherwise it says
where to look. No hint contains a value, because reports on hidden cases repeat them.
"""

import re
from collections.abc import Sequence

# For a kind of difference between an answer and the right one; see ``expect`` in compare.py.
DEFAULT_HINTS = {
    "none": "Does the function end with `return`?",
    "type": "Look at what your function returns: print(type(result)).",
    "shape": "Print the shapes of what goes in and of each step: which dimension is lost, or one too many?",
    "dtype": "Print the dtype of what goes in and of each step: where does it change?",
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

_KEEP_ARGUMENTS = "Keep the function's name and arguments as given."
_NO_GPU = (
    'No GPU can be used here: .cuda() and "cuda" name one device; write x.to(device) with the device you are given.'
)
_CLASS_AS_FUNCTION = (
    "A class of torch.nn is made first and called afterwards: nn.MSELoss()(a, b), nn.ReLU()(x). As a function it is "
    "F.mse_loss(a, b), F.relu(x)."
)
_LAYERS = (
    r"(ReLU|LeakyReLU|GELU|Sigmoid|Tanh|Softmax|LogSoftmax|Flatten|Dropout\w*|\w+Loss|MaxPool\w+|AvgPool\w+|Linear|"
    r"Conv\w+|BatchNorm\w+|LayerNorm|Embedding|Sequential)"
)

# For an exception in the student's code: a regular expression to its hint; the first that matches counts. It is
# searched in the class and text of the error and, behind " | ", the student's line.
_ERROR_HINTS = {
    # The student's own line, whatever its text says
    r" \| line \d+ of \S+: raise\b": "Your own `raise` was reached: for which input? Look at the condition before it.",
    r" \| line \d+ of \S+: assert\b": "An assert of your own did not hold: print what it compares.",
    # A class of torch.nn used as a function, or a method without brackets
    rf"Boolean value of Tensor.* \| .*\bnn\.{_LAYERS}\([^)]": _CLASS_AS_FUNCTION,
    rf"'{_LAYERS}' object has no attribute '(backward|item|sum|mean|shape|detach|size|dim|argmax|view|reshape)'": (
        _CLASS_AS_FUNCTION
    ),
    rf"must be Tensor, not {_LAYERS}\b|unsupported operand.*'{_LAYERS}'": _CLASS_AS_FUNCTION,
    r"must be an int or None, got <class 'torch\.Tensor'>|must be tuple of ints, ?but got Tensor": _CLASS_AS_FUNCTION,
    rf"{_LAYERS}\.__init__\(\) (missing|got|takes)": (
        "Compare the arguments of this layer with its documentation: sizes make the layer, and the tensor goes into"
        " the layer that was made."
    ),
    r"'(builtin_function_or_)?method' object|unsupported operand.*'(builtin_function_or_)?method'": (
        "A method is used without its brackets: write model.parameters(), x.mean()."
    ),
    r"empty parameter list": (
        "The network has no parameters: a layer is an attribute of the network, or inside nn.Sequential or "
        "nn.ModuleList. A plain list does not register layers."
    ),
    r"before Module\.__init__\(\) call": "Begin the network's __init__ with super().__init__().",
    r'missing the required "forward" function': "A network needs a method called forward, indented below its class.",
    rf"'{_LAYERS}' object is not iterable": "An optimizer takes the network's parameters: model.parameters().",
    # Shapes
    r"shapes cannot be multiplied|mismatch in its core dimension|inconsistent tensor size": (
        "A matrix product of (n, k) and (k, m) needs the same k twice: print both shapes just before it."
    ),
    r"expanded size of the tensor|must match the size|be broadcast|not broadcastable": (
        "Two shapes do not fit: print both, and insert a dimension of size 1 where one is missing (unsqueeze, or "
        "keepdim=True)."
    ),
    r"is invalid for input of size": (
        "The sizes in reshape or view must multiply to the number of elements: print x.shape; -1 stands for one "
        "size that follows from the others."
    ),
    r"view size is not compatible": "Use reshape: view cannot join dimensions whose elements do not lie side by side.",
    r"Expected 3D .* or 4D .* conv2d|expected 4D input": (
        "A layer for pictures takes (batch, channels, height, width): print the shape before it, and insert what is"
        " missing with unsqueeze."
    ),
    r"to have \d+ channels, but got": (
        "The number of channels that goes in is not the layer's in_channels: print the shape before it, (batch, "
        "channels, height, width)."
    ),
    r"Kernel size can't be greater": (
        "The picture has become smaller than the kernel: print the shape before each layer."
    ),
    r"input\.size\(-1\) must be equal to input_size": (
        "The last dimension of the sequence is not the layer's input_size: print the shape before it."
    ),
    r"batch_size .* to match target batch_size": (
        "Outputs and targets differ in their number of samples: print both shapes."
    ),
    r"Sizes of tensors must match except|each tensor to be equal size": (
        "cat and stack join tensors whose other dimensions are equal: print the shapes in the list."
    ),
    r"non-empty (TensorList|list of Tensors)|at least one array": (
        "The list of tensors is empty: where should its first entry come from?"
    ),
    r"Dimension out of range|IndexError: too many indices": (
        "The tensor has fewer dimensions than the index or dim says: print its shape."
    ),
    r"multi-target not supported": "The labels are one class number for each sample, of shape (B,): print their shape.",
    r"more than 1 value per channel when training": (
        "Batch normalisation cannot train on a single value: is the batch of one sample, or was model.eval() meant?"
    ),
    r"1D tensors expected|mat2 must be a matrix|only batches of spatial": (
        "The operation wants another number of dimensions: print the shapes that go in."
    ),
    # Indices and labels
    r"device-side assert": "An index or a class number lies outside its range: on the CPU the error names the line.",
    r"Target -?\d+ is out of bounds": (
        "A class number lies outside 0 to C - 1: does the model have one output per class?"
    ),
    r"index out of range in self": "An index lies outside the table of the embedding.",
    r"is out of bounds|list index out of range|string index out of range": (
        "An index lies outside the size: the last one is len(x) - 1. Print the index and the shape."
    ),
    r"indices must be integers|used as indices must be": (
        "An index must be a whole number, or a tensor of type long or bool."
    ),
    # Dtypes
    r"target dtype to be Long|expected scalar type Long|LongTensor|nll_loss\w*\" not implemented": (
        "Class numbers must be integers of type long: labels.long()."
    ),
    r"expected scalar type|same dtype|Found dtype|Input type .* should be the same": (
        "Two dtypes do not fit: convert one, for example with .float() or .long()."
    ),
    r"could not infer output dtype|only support floating point|not implemented for '(Long|Int|Bool|Byte)": (
        "This operation needs floats: convert the integers first, x.float()."
    ),
    r"can't be cast to the desired output type": (
        "An operation in place keeps the dtype, here an integer: make a new tensor, or begin with floats."
    ),
    r"floating point and complex dtype can require": (
        "Only floats have gradients: write 1.0 for 1, or dtype=torch.float32."
    ),
    r"two bool tensors is not supported": (
        "Truth values cannot be subtracted: convert them with .int(), or compare with != or ^."
    ),
    # Gradients
    r"does not require grad": "No gradient was recorded: is requires_grad set, and nothing detached?",
    r"only for scalar outputs": "backward() starts from one number: take the mean or the sum first.",
    r"backward through the graph a second time": "The graph is freed by backward(): compute the loss again first.",
    r"leaf Variable that requires grad": "Change parameters inside `with torch.no_grad():`.",
    r"modified by an inplace operation": (
        "A tensor that the backward pass still needs was changed in place (+=, x[...] =, a name that ends in _): "
        "make a new one."
    ),
    r"numpy\(\) on Tensor that requires grad": "NumPy cannot record gradients: x.detach().numpy().",
    r"Inference tensors cannot be saved": "Use torch.no_grad(), whose results can be used in training later.",
    r"support the deepcopy protocol": "A tensor with a history cannot be copied: copy x.detach().",
    # Devices
    r"NVIDIA driver|not compiled with CUDA|not linked with support|CUDA is not available": _NO_GPU,
    r"same device|two devices|device type tensor to numpy": (
        "Two tensors lie on different devices, or NumPy meets one that is not on the CPU: move one with "
        ".to(other.device), or .cpu()."
    ),
    # Values
    r"Boolean value of Tensor|truth value of an array|only one element tensors|"
    r"only integer tensors of a single|cannot be converted to Scalar": (
        "A tensor of several values is used where one value is needed: use torch.where, .any(), .all(), or take one "
        "element."
    ),
    r"divi\w+ by zero|modulo by zero": "A divisor is 0: for which input? Print it before the division.",
    r"between 0 and 1|contains either `inf`": (
        "Probabilities lie between 0 and 1: did the numbers pass through sigmoid or softmax?"
    ),
    r"can't allocate memory|out of memory|^MemoryError": (
        "A tensor became huge: print the shapes. Broadcasting (n, 1) and (n,) makes (n, n)."
    ),
    r"size mismatch for|Missing key|Unexpected key": (
        "The stored parameters belong to another network: compare names and shapes in both state_dict()."
    ),
    # Python
    r"NameError: name '(torch|nn|F|np|plt)'": "Its import is missing: run the notebook's first cells again.",
    r"^NameError": "A name is used that was never assigned: is it spelt the same everywhere?",
    r"^UnboundLocalError": "The function assigns this name only later, or in a branch that was not taken.",
    r"\.\w+\(\) takes 1 positional argument but 2 were given": (
        "The method got an argument for which it has no name: is `self` the first, and are the others behind it?"
    ),
    r"NoneType": "Something is None: a function without `return`, or .grad before backward().",
    r"'torch\.return_types\.\w+'": "The function returned several values: take one, values, indices = x.max(dim=1).",
    r"'tuple' object has no attribute": (
        "This is a tuple of several values: take one, as in values, indices = x.max(dim=1)."
    ),
    r"must be Tensor, not (list|tuple|int|float)\b": (
        "A list or a number is used where a tensor is needed: torch.tensor(...), or torch.stack for a list of tensors."
    ),
    r"'(list|int|float)' object has no attribute": (
        "This is a list or a number, which has no such attribute. If a tensor is meant: torch.tensor(...), or "
        "torch.stack for a list of tensors."
    ),
    r"'(numpy\.)?ndarray' object has no attribute|must be Tensor, not numpy": (
        "A NumPy array is used where a tensor is needed: torch.from_numpy(x)."
    ),
    r"unsupported operand.*'list'|concatenate list": "Lists have no arithmetic: make tensors of them first.",
    r"object has no attribute|^AttributeError: module": (
        "This name does not exist there: is it spelt right, and is the object of the type that you expect? "
        "print(type(x))."
    ),
    r"'Tensor' object is not callable|'torch.Size' object is not callable": (
        "A tensor or shape is called like a function: an index takes square brackets, and * does not leave itself out."
    ),
    r"object is not callable": "What is called is no function: was its name, such as sum or max, assigned to a value?",
    r"'generator' has no len\(\)|'generator' object is not subscriptable": (
        "A generator has neither length nor index: collect its values first, list(...)."
    ),
    r"iteration over a 0-d tensor|len\(\) of a 0-d|'(int|float)' object is not (iterable|subscriptable)|"
    r"'(int|float)' has no len\(\)": (
        "A single number is used where several are expected. To count, range(n); a tensor has lost a dimension before."
    ),
    r"values to unpack": (
        "The number of names on the left of = differs from the number of values on the right: print the right side."
    ),
    r"RecursionError": "The function calls itself without end: is the smallest case answered before the call?",
    r"^KeyError": "The dict has no such key: print its keys.",
    r"^FileNotFoundError": "There is no such file: print the path and os.getcwd().",
    r"^(ModuleNotFound|Import)Error": "This module, or the name in it, is not installed here: is it spelt right?",
    r"invalid combination of arguments": (
        "The arguments are of the wrong types: the error lists what you gave and what is possible."
    ),
    r"missing \d+ required|takes .*positional argument|unexpected keyword|multiple values for argument|"
    r"expected (at most |at least )?\d+ arguments?, got": (
        "The message names the function that was called and the argument: compare with help(function)."
    ),
    r"^KeyboardInterrupt|^TimeoutError: longer than": "It ran too long: is there a loop that never ends?",
}


def hint_for_error(error: str, own: dict[str, str], where: str = "", names: Sequence[str] = ()) -> str:
    """The hint for an exception in the student's code.

    Args:
        error: the name of its class and its text, such as ``KeyError: 'x'``.
        own: the task's own hints by regular expression (``on_error`` of its decorator), which come first.
        where: the student's line that raised it, if it is known.
        names: the functions and classes that the task asks for.

    >>> hint_for_error("NameError: name 'lenght' is not defined", {})
    'A name is used that was never assigned: is it spelt the same everywhere?'
    """
    for pattern, hint in own.items():
        if re.search(pattern, error):
            return hint
    # Only a call of the answer itself shows that its arguments were renamed; others get the hint of the table.
    answer = "|".join([*map(re.escape, names), *["<lambda>"] * (not where)])
    if names and re.search(rf": ({answer})(\.\w+)?\(\) (takes|missing|got an unexpected)", error):
        return _KEEP_ARGUMENTS
    for pattern, hint in _ERROR_HINTS.items():
        if re.search(pattern, f"{error} | {where}", re.DOTALL):
            return hint
    return READ_THE_ERROR


def shared_hints() -> list[str]:
    """All hints of this module. None of them contains a value, so reports may repeat them."""
    return [
        *DEFAULT_HINTS.values(),
        IN_PLACE_HINT,
        GRADIENTS_HINT,
        READ_THE_ERROR,
        _KEEP_ARGUMENTS,
        *_ERROR_HINTS.values(),
    ]
