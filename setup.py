"""The modules in C. Each is optional: without a compiler the extra onnx steps the LSTM and training uses torch's LSTM.

A module uses Python's stable ABI, so one wheel serves every Python from 3.11 on. A free-threaded Python has none: there
a module is built for that one version. Importing it turns the global interpreter lock on.
"""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup

STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")


def extension(source: str, *flags: str) -> Extension:
    """Return the module of this C file. It is built again if a header of the kernels changes."""
    return Extension(
        f"afterglow.{source.removesuffix('.c').replace('/', '.')}",
        [source],
        depends=sorted(map(str, Path("core/inference").glob("*.h"))),
        define_macros=[("Py_LIMITED_API", "0x030b0000")] if STABLE_ABI else [],
        extra_compile_args=["-O3", "-g0", *flags],
        py_limited_api=STABLE_ABI,
        optional=True,
    )


setup(
    ext_modules=[
        extension("core/inference/kernel_avx512.c", "-ffp-contract=off"),
        extension("core/inference/kernel_avx2.c", "-ffp-contract=off"),
        extension("core/training/kernel_bf16.c"),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
