"""The pickles inside PyTorch's files, interpreted without running them.

A pickle is a program. Python's unpickler runs all of it: calls functions that the file names, sets
the state of any object, and reserves memory by numbers in the file. This interpreter knows only
the instructions that PyTorch writes for a dict of tensors, in pickle protocol 2. It builds nothing
but text, numbers, tuples, lists and dicts with text keys, and calls nothing but the functions that
its caller admits. The instruction that sets an object's state is skipped.

| instructions                               | effect                                          |
|--------------------------------------------|-------------------------------------------------|
| PROTO, STOP                                | the first and the last                          |
| NONE, NEWTRUE, NEWFALSE, BININT.., BINUNICODE | push a constant                              |
| EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT        | push an empty container                         |
| MARK, TUPLE, TUPLE1 .. TUPLE3              | replace what lies above the mark by its tuple   |
| APPEND, APPENDS, SETITEM, SETITEMS         | fill a list or a dict                           |
| BINPUT, BINGET, LONG_BINPUT, LONG_BINGET   | remember the top, push what was remembered      |
| GLOBAL, REDUCE, BINPERSID                  | an admitted name; call it; a storage            |
| BUILD                                      | drop a state                                    |

Source: Lib/pickletools.py of Python, which describes every instruction.
"""

import pickletools
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

# A tensor takes about thirty instructions. Each may take some hundred bytes of memory.
_MOST_INSTRUCTIONS = 1_000_000
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NUMBERS_AND_TEXT = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
_EMPTY = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_pickle(
    stream: BytesIO,
    admitted: Mapping[str, Any],
    storage: Callable[[Any], Any] | None = None,
) -> Any:
    """Return the content of the pickle at the stream's position, and move behind it.

    Args:
        stream: the file's bytes.
        admitted: "module name" -> what stands for it; only these names may occur.
        storage: makes a value of a persistent id (PyTorch's description of a storage); None where
            none may occur.

    Raises:
        ValueError, LookupError: damaged, or with anything but the above.
    """
    interpreter = _Interpreter(admitted, storage)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count == _MOST_INSTRUCTIONS:
            raise ValueError(f"its pickle has more than {_MOST_INSTRUCTIONS} instructions")
        if opcode.name == "STOP":
            return interpreter.pop()
        interpreter.run(opcode.name, argument)
    raise ValueError("its pickle has no end")


class _Interpreter:
    """The pickle machine: a stack, marks on it, and a memory."""

    def __init__(self, admitted: Mapping[str, Any], storage: Callable[[Any], Any] | None):
        self._admitted = admitted
        self._storage = storage
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memory: dict[int, Any] = {}

    def run(self, instruction: str, argument: Any) -> None:
        """Carry out one instruction."""
        if instruction in _CONSTANTS:
            self._stack.append(_CONSTANTS[instruction])
        elif instruction in _NUMBERS_AND_TEXT:
            self._stack.append(argument)
        elif instruction in _EMPTY:
            self._stack.append(_EMPTY[instruction]())
        elif instruction == "MARK":
            self._marks.append(len(self._stack))
        elif instruction in ("BINPUT", "LONG_BINPUT"):
            self._memory[argument] = self._stack[-1]
        elif instruction in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memory[argument])
        elif instruction == "BUILD":
            self.pop()
        elif instruction != "PROTO":
            self._combine(instruction, argument)

    def _combine(self, instruction: str, argument: Any) -> None:
        """Carry out an instruction that makes a value of others."""
        if instruction == "TUPLE":
            self._stack.append(tuple(self._pop_to_mark()))
        elif instruction in _SHORT_TUPLES:
            parts = [self.pop() for _ in range(_SHORT_TUPLES[instruction])]
            self._stack.append(tuple(reversed(parts)))
        elif instruction in ("APPEND", "APPENDS"):
            self._extend([self.pop()] if instruction == "APPEND" else self._pop_to_mark())
        elif instruction in ("SETITEM", "SETITEMS"):
            is_one = instruction == "SETITEM"
            self._update([self.pop(), self.pop()][::-1] if is_one else self._pop_to_mark())
        elif instruction == "GLOBAL":
            self._stack.append(self._named(argument))
        elif instruction == "REDUCE":
            arguments, function = self.pop(), self.pop()
            self._stack.append(self._call(function, arguments))
        elif instruction == "BINPERSID" and self._storage is not None:
            self._stack.append(self._storage(self.pop()))
        else:
            raise ValueError(f"it holds the instruction {instruction}, which no state dict needs")

    def pop(self) -> Any:
        """Take the top value off the stack."""
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("it appends to what is no list")
        self._stack[-1].extend(values)

    def _update(self, keys_and_values: list[Any]) -> None:
        keys, values = keys_and_values[::2], keys_and_values[1::2]
        if not isinstance(self._stack[-1], dict) or not all(isinstance(key, str) for key in keys):
            raise ValueError("it fills what is no dict, or one whose keys are no text")
        self._stack[-1].update(zip(keys, values, strict=True))

    def _named(self, name: str) -> Any:
        if name not in self._admitted:
            raise ValueError(
                f"it holds {name.replace(' ', '.')}; only tensors in a dict are admitted"
            )
        return self._admitted[name]

    def _call(self, function: Any, arguments: Any) -> Any:
        if not callable(function) or not isinstance(arguments, tuple):
            raise ValueError("it calls what is no function")
        return function(*arguments)
