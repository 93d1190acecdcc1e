"""Starting Warp kernels on torch tensors.

A picture of a new head takes some thirty kernels with a hundred and forty arrays, which are a tenth of its
price if each is made into an array of Warp's for every start. So on a CPU a kernel's second start and all
later ones reuse what Warp made for the first, with other numbers in it.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ftb.kernels.start import building, wp

_ArrayC = type(wp.array(dtype=float).__ctype__())
# Its first fields, as they lie in memory: to set them one by one takes longer than to start a kernel.
_ADDRESS_AND_SIZE = struct.Struct("=QQi")


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


def spared(tensor: Tensor) -> Tensor:
    """As `floats`, with a number or more behind its end that may be read: of whose rows of three numbers four
    are read at once."""
    if tensor.dtype == torch.float32 and tensor.is_contiguous():
        end = tensor.storage_offset() + tensor.numel()
        if end * tensor.itemsize < tensor.untyped_storage().nbytes():
            return tensor.detach()
    room = torch.empty(tensor.numel() + 1, device=tensor.device)[:-1]
    return room.view(tensor.shape).copy_(tensor.detach())


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


@dataclass
class _Command:
    """A kernel with places for its arguments. writers: of each argument, into its place. replay: None if
    Warp's arrays are not what we know: then every start goes Warp's own way."""

    kernel: wp.Kernel
    writers: list[Callable[[Any], None]]
    replay: wp.Launch | None
    threads: int = 0

    def start(self, threads: int, inputs: list) -> None:
        if self.replay is None:
            wp.launch(self.kernel, threads, inputs=_slowly(self.kernel, inputs), device="cpu")
            return
        for value, write in zip(inputs, self.writers, strict=True):
            write(value)
        if threads != self.threads:
            self.replay.set_dim(threads)
            self.threads = threads
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
    command = _Command(kernel, [], replay)
    known = True
    for index, (argument, slow) in enumerate(zip(kernel.adj.args, arguments, strict=True)):
        place, write = _place(argument.type)
        if place is None:
            command.writers.append(partial(replay.set_param_at_index_from_ctype, index))
            continue
        replay.set_param_at_index_from_ctype(index, place)
        write(inputs[index])
        known = known and (not isinstance(inputs[index], Tensor) or bytes(slow.__ctype__()) == bytes(place))
        command.writers.append(write)
    if not known:
        command.replay = None
    return command


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
        fits = tensor.numel() % self.numbers == 0 if self.dimensions == 1 else tensor.dim() == self.dimensions
        if tensor.dtype is not self.scalar or not tensor.is_contiguous() or not fits:
            pieces = "one piece" if tensor.is_contiguous() else "several pieces"
            raise TypeError(
                f"expected a tensor of {self.scalar} in one piece, {self.numbers} numbers an element, "
                f"got {tensor.dtype} of {tuple(tensor.shape)} in {pieces}"
            )


def _place(kind: Any) -> tuple[ctypes.Structure | None, Callable[[Any], None]]:
    """Where a recorded command keeps an array or a struct, and what writes an input there; None for numbers,
    which Warp keeps itself."""
    if isinstance(kind, wp.array):
        place = _ArrayC()
        return place, _array_writer(kind, place)
    if getattr(kind, "vars", None):
        place = kind.ctype()
        return place, _struct_writer(kind, place)
    return None, lambda value: None


def _array_writer(kind: Any, place: ctypes.Structure) -> Callable[[Tensor], None]:
    wanted = _Wanted.of(kind)
    write_sizes = _several_sizes(kind.ndim, place) if kind.ndim > 1 else _one_size(wanted, place)

    def write(tensor: Tensor) -> None:
        wanted.check(tensor)
        if not tensor.is_cpu:  # a kernel on the CPU would follow its address
            raise TypeError(f"expected a tensor on the CPU, got one on {tensor.device}")
        write_sizes(tensor)

    return write


def _one_size(wanted: _Wanted, place: ctypes.Structure) -> Callable[[Tensor], None]:
    """What writes where a tensor lies, and how many vectors or matrices it is."""
    numbers, view = wanted.numbers, memoryview(place).cast("B")
    place.ndim, place.strides[0] = 1, torch.empty(0, dtype=wanted.scalar).itemsize * numbers
    pack = _ADDRESS_AND_SIZE.pack_into
    return lambda tensor: pack(view, 0, tensor.data_ptr(), 0, tensor.numel() // numbers)


def _several_sizes(dimensions: int, place: ctypes.Structure) -> Callable[[Tensor], None]:
    place.ndim = dimensions

    def write(tensor: Tensor) -> None:
        place.data = tensor.data_ptr()
        place.shape[:dimensions] = tensor.shape
        place.strides[:dimensions] = [stride * tensor.itemsize for stride in tensor.stride()]

    return write


def _struct_writer(kind: Any, place: ctypes.Structure) -> Callable[[Packed], None]:
    writers: dict[str, Callable[[Any], None]] = {}
    for name, field in kind.vars.items():
        if isinstance(field.type, wp.array):
            writers[name] = _array_writer(field.type, getattr(place, name))  # within the struct's memory
        elif getattr(field.type, "vars", None):
            writers[name] = _struct_writer(field.type, getattr(place, name))
        else:
            writers[name] = partial(setattr, place, name)

    def write(value: Packed) -> None:
        for name, part in value.fields.items():
            writers[name](part)

    return write
