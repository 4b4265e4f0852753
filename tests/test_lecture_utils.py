"""What `import lecture_utils` does, and what it leaves alone."""

import subprocess
import sys

import lecture_utils

# Printed before and after the modules are imported. Their dependencies are imported first, since those do change some.
STATE = """
import decimal, gc, locale, logging, os, random, signal, sys, threading, warnings
import IPython, anywidget, ipywidgets, matplotlib, numpy, torch, torchvision
import matplotlib.font_manager, sklearn.datasets, PIL.Image, PIL.ImageOps

def state():
    return {
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), gc.get_debug()),
        "environment": dict(os.environ),
        "path": list(sys.path),
        "folder": os.getcwd(),
        "hooks": (sys.excepthook, sys.displayhook, sys.stdout, sys.stderr, sys.getrecursionlimit()),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "threads": threading.enumerate(),
        "warnings": list(warnings.filters),
        "logging": (logging.getLogger().level, list(logging.getLogger().handlers)),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": str(decimal.getcontext()),
        "random": (random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()),
        "numpy": (numpy.get_printoptions(), numpy.geterr()),
        "torch": (torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device(),
                  torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(),
                  torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark,
                  torch.backends.cuda.matmul.allow_tf32, str(torch._tensor_str.PRINT_OPTS)),
        "matplotlib": (dict(matplotlib.rcParams), len(matplotlib.font_manager.fontManager.ttflist)),
        "pillow": (PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES),
    }
"""


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_changes_nothing_but_one_variable():
    code = """
import importlib, pkgutil
before = state()
import lecture_utils
for module in pkgutil.walk_packages(lecture_utils.__path__, "lecture_utils."):
    importlib.import_module(module.name)
assert before["environment"].pop("OMP_WAIT_POLICY", None) is None
after = state()
assert after["environment"].pop("OMP_WAIT_POLICY") == "PASSIVE"
print([name for name in before if before[name] != after[name]])
"""
    assert run("import os\nos.environ.pop('OMP_WAIT_POLICY', None)\n" + STATE + code) == "[]"


def test_a_chosen_wait_policy_is_kept():
    change = "import os; os.environ['OMP_WAIT_POLICY'] = 'ACTIVE'; "
    assert run(change + "import lecture_utils; print(os.environ['OMP_WAIT_POLICY'])") == "ACTIVE"


def test_each_public_name_is_imported_at_its_first_use():
    code = "import lecture_utils, sys; print(*sorted({'torch', 'numpy', 'matplotlib', 'IPython'} & sys.modules.keys()))"
    assert run(code) == ""
    for name in lecture_utils.__all__:
        assert callable(getattr(lecture_utils, name)) and name in dir(lecture_utils)


def test_widgets_are_imported_when_one_is_made():
    names = ", ".join(lecture_utils.__all__)
    heavy = "{'IPython', 'anywidget', 'ipywidgets', 'matplotlib.pyplot', 'sklearn', 'torchvision'}"
    code = f"import sys\nfrom lecture_utils import {names}\nprint(*sorted({heavy} & sys.modules.keys()))"
    assert run(code) == ""
