"""Starting Warp kernels on torch tensors.

A picture of a new head takes some thirty kernels with a hundred and forty arrays, which are a tenth of its
price if each is made into an array of Warp's for every start. So on a CPU a kernel's second start and all
later ones reuse what Warp made for the first, with other numbers in it.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ftb.kernels.start import building, wp

_ArrayC = type(wp.array(dtype=float).__ctype__())


class Packed(NamedTuple):
    """What a Warp struct is to hold: tensors for its arrays, numbers and vectors for the rest."""

    struct: Any
    fields: dict[str, Any]


def packed(struct: Any, **fields: Any) -> Packed:
    """The fields of a `wp.struct`, all of them, by name: for `launch`."""
    if fields.keys() != struct.vars.keys():
        raise TypeError(f"{struct.key}: expected fields {sorted(struct.vars)}, got {sorted(fields)}")
    return Packed(struct, fields)


def floats(tensor: Tensor) -> Tensor:
    """As a kernel reads it: float32 in one piece."""
    return tensor.detach().float().contiguous()


def launch(kernel: wp.Kernel, threads: int, inputs: list, device: torch.device) -> None:
    """Start a one-dimensional kernel on torch's own stream, so that torch may reuse memory in order.

    inputs: tensors in one piece where the kernel has arrays, of its scalars' type: whether those are numbers,
    vectors or matrices is read from the kernel; `packed` structs; numbers. Raises TypeError for a tensor that
    is none of this.
    """
    if threads == 0:
        return
    if device.type == "cpu":
        idle = _IDLE.setdefault(kernel, [])
        try:
            command = idle.pop()
        except IndexError:
            command = _first_launch(kernel, threads, inputs)
        else:
            command.start(threads, inputs)
        idle.append(command)
        return
    stream = wp.stream_from_torch(device) if device.type == "cuda" else None
    arguments = _slowly(kernel, inputs)
    with building():
        wp.launch(kernel, threads, inputs=arguments, device=wp.device_from_torch(device), stream=stream)


@dataclass(frozen=True)
class _Command:
    """A kernel with places for its arguments. replay: None if Warp's arrays are not what we know: then every
    start goes Warp's own way."""

    kernel: wp.Kernel
    converters: list[Callable[[Any], Any]]
    replay: wp.Launch | None

    def start(self, threads: int, inputs: list) -> None:
        if self.replay is None:
            wp.launch(self.kernel, threads, inputs=_slowly(self.kernel, inputs), device="cpu")
            return
        for index, (value, convert) in enumerate(zip(inputs, self.converters, strict=True)):
            self.replay.set_param_at_index_from_ctype(index, convert(value))
        self.replay.set_dim(threads)
        self.replay.launch()


# By kernel, the commands that no thread is using: one holds the arguments of one start at a time.
_IDLE: dict[wp.Kernel, list[_Command]] = {}


def _first_launch(kernel: wp.Kernel, threads: int, inputs: list) -> _Command:
    """Start a kernel Warp's own way, and keep what was made for it."""
    arguments = _slowly(kernel, inputs)
    with building():
        replay = wp.launch(kernel, threads, inputs=arguments, device="cpu", record_cmd=True)
    replay.launch()
    replay.fwd_args = None  # the arrays of this start, which nothing else would need again
    types = [argument.type for argument in kernel.adj.args]
    converters = [_converter(kind) for kind in types]
    arrays = [
        (slow.__ctype__(), convert(value))
        for slow, convert, value in zip(arguments, converters, inputs, strict=True)
        if isinstance(value, Tensor)
    ]
    known = all(bytes(slow) == bytes(fast) for slow, fast in arrays)
    return _Command(kernel, converters, replay if known else None)


def _slowly(kernel: wp.Kernel, inputs: list) -> list:
    """Arguments as `wp.launch` takes them."""
    types = [argument.type for argument in kernel.adj.args]
    return [_warp_value(kind, value) for kind, value in zip(types, inputs, strict=True)]


def _warp_value(kind: Any, value: Any) -> Any:
    if isinstance(value, Packed):
        struct = value.struct()
        for name, part in value.fields.items():
            setattr(struct, name, _warp_value(value.struct.vars[name].type, part))
        return struct
    if not isinstance(value, Tensor):
        return value
    wanted = _Wanted.of(kind)
    wanted.check(value)
    shape = value.shape if kind.ndim > 1 else (-1,)
    return wp.from_torch(value.detach().view(*shape, *wanted.shape), dtype=kind.dtype)


class _Wanted(NamedTuple):
    """What a kernel's array is made of: its dimensions, torch's type of its scalars, shape and size of its
    vectors or matrices."""

    dimensions: int
    scalar: torch.dtype
    shape: tuple[int, ...]
    numbers: int

    @classmethod
    def of(cls, kind: Any) -> _Wanted:
        dtype = kind.dtype
        shape = tuple(getattr(dtype, "_shape_", ()))
        scalar = getattr(dtype, "_wp_scalar_type_", dtype)
        if kind.ndim > 1 and shape:
            raise TypeError("arrays of several dimensions are arrays of numbers here")
        return cls(kind.ndim, wp.dtype_to_torch(scalar), shape, math.prod(shape))

    def check(self, tensor: Tensor) -> None:
        fits = tensor.dim() == self.dimensions if self.dimensions > 1 else tensor.numel() % self.numbers == 0
        if tensor.dtype is not self.scalar or not tensor.is_contiguous() or not fits:
            pieces = "one piece" if tensor.is_contiguous() else "several pieces"
            raise TypeError(
                f"expected a tensor of {self.scalar} in one piece, {self.numbers} numbers an element, "
                f"got {tensor.dtype} of {tuple(tensor.shape)} in {pieces}"
            )


def _converter(kind: Any) -> Callable[[Any], Any]:
    """From an input to what a recorded command takes."""
    if isinstance(kind, wp.array):
        return _array_converter(kind)
    if getattr(kind, "vars", None):
        return _struct_converter(kind)
    return lambda value: value


def _array_converter(kind: Any) -> Callable[[Tensor], ctypes.Structure]:
    wanted = _Wanted.of(kind)
    numbers = wanted.numbers

    def convert(tensor: Tensor) -> ctypes.Structure:
        wanted.check(tensor)
        if not tensor.is_cpu:  # a kernel on the CPU would follow its address
            raise TypeError(f"expected a tensor on the CPU, got one on {tensor.device}")
        count, step = tensor.numel() // numbers, tensor.itemsize * numbers
        if kind.ndim == 1:
            return _ArrayC(tensor.data_ptr(), 0, 1, (count,), (step,))
        strides = [stride * step for stride in tensor.stride()]
        return _ArrayC(tensor.data_ptr(), 0, kind.ndim, tuple(tensor.shape), strides)

    return convert


def _struct_converter(kind: Any) -> Callable[[Packed], ctypes.Structure]:
    converters = {name: _converter(field.type) for name, field in kind.vars.items()}

    def convert(value: Packed) -> ctypes.Structure:
        filled = kind.ctype()
        for name, part in value.fields.items():
            setattr(filled, name, converters[name](part))
        return filled

    return convert
