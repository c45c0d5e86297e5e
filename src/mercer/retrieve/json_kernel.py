"""JSON of a few rows, read where Arrow keeps them: a kernel over the addresses of a batch's buffers.

A batch is described by nodes, in the order of its schema, a nested type before what it holds: a string,
number or truth value is one node, a list of strings two (the list, the string), a map of lists of strings
four (the map, its key, the list, the string).
The text is byte for byte what msgspec makes of the same values. Floats are the one thing that it has to
make itself; they come as text, row by row.
"""

from typing import Any, Final

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.extending import intrinsic

from mercer.text.kernel_types import I8S, U1S, read_only
from mercer.text.prefetch import LINE

I64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_TABLE, _OUT = read_only(nb.i8, ndim=2), nb.u1[::1]

STRING, INT, BOOL, FLOAT, LIST, MAP = range(6)
SPAN: Final = (1, 1, 1, 1, 2, 4)  # nodes of each kind

# The columns of a node.
KIND: Final = 0
VALIDITY: Final = 1  # address of the bits; 0: nothing is null
FIRST: Final = 2  # the place of row 0 in all that the addresses lead to
VALUES: Final = 3  # address of the values; of a string, list or map of its ends
TEXT: Final = 4  # address of a string's bytes
CUT: Final = 5  # characters that are kept of a string; 0: all
LEVEL: Final = 6  # 0: a column of the batch
N_FIELDS: Final = 7

FULL: Final = -1  # instead of a length: the text did not fit
_ESCAPED: Final = 6  # bytes of the longest escape
_NUMBER: Final = 20  # bytes of the longest number


def _loader(item: Any) -> Any:
    """A function of compiled code: the value of that type at an address."""

    def load(typing_context: Any, address: Any) -> Any:

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], context.get_value_type(item).as_pointer())
            return builder.load(pointer, align=1)

        return item(nb.intp), generate

    return intrinsic(load)


_u1, _i4, _i8, _u8, _f4 = (_loader(item) for item in (nb.u1, nb.i4, nb.i8, nb.u8, nb.f4))


_READ, _KEEP, _DATA = (ir.IntType(32)(n) for n in (0, 3, 1))  # arguments of LLVM's intrinsic


def _fetch_line(typing_context: Any, address: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(hint, [builder.inttoptr(args[0], byte), _READ, _KEEP, _DATA])
        return context.get_dummy_value()

    return nb.void(nb.intp), generate


fetch: Any = intrinsic(_fetch_line)
"""fetch(address) asks for the line of memory at an address, whatever that is; nothing is read."""


def _store_eight(typing_context: Any, array: Any, at: Any, word: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        kind = context.get_value_type(nb.u8).as_pointer()
        builder.store(args[2], builder.bitcast(builder.gep(data, [args[1]]), kind), align=1)
        return context.get_dummy_value()

    return nb.void(array, nb.intp, nb.u8), generate


store_eight: Any = intrinsic(_store_eight)
"""store_eight(array, at, word) writes eight bytes, the lowest first; the array has to have them."""

_EACH: Final = 0x0101010101010101
_HIGH: Final = np.uint64(0x80 * _EACH)
_ONES, _SPACES = np.uint64(_EACH), np.uint64(0x20 * _EACH)
_QUOTES, _BACKSLASHES = np.uint64(0x22 * _EACH), np.uint64(0x5C * _EACH)


@nb.njit(nb.b1(nb.u8), cache=True, nogil=True)
def _is_plain(word: int) -> bool:
    """Whether none of eight bytes has to be escaped; False also for some that need not be.

    Source: the tests for a zero byte and for a byte below n, Anderson, Bit Twiddling Hacks.
    """
    quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
    found = (word - _SPACES) & ~word
    found |= (quote - _ONES) & ~quote
    found |= (backslash - _ONES) & ~backslash
    return not found & _HIGH


@nb.njit(nb.b1(nb.i8, nb.i8), cache=True, nogil=True)
def _has_bit(address: int, at: int) -> bool:
    byte: int = _u1(address + (at >> 3))
    bit: int = (byte >> (at & 7)) & 1
    return bit != 0


@nb.njit(nb.b1(_TABLE, nb.i8, nb.i8), cache=True, nogil=True)
def _is_null(nodes: I64s, of: int, at: int) -> bool:
    bits: int = nodes[of, VALIDITY]
    return bits != 0 and not _has_bit(bits, at)


@nb.njit(nb.i8(_OUT, nb.i8, nb.i8, nb.i8), cache=True, nogil=True)
def _word(out: Bytes, at: int, word: int, n: int) -> int:
    """The n low bytes of `word`, the lowest first."""
    if at + n > out.size:
        return FULL
    for k in range(n):
        out[at + k] = (word >> (8 * k)) & 0xFF
    return at + n


_NULL: Final = int.from_bytes(b"null", "little")
_TRUE: Final = int.from_bytes(b"true", "little")
_FALSE: Final = int.from_bytes(b"false", "little")


@nb.njit(nb.i8(_OUT, nb.i8, nb.i8), cache=True, nogil=True)
def _number(out: Bytes, at: int, value: int) -> int:
    if at + _NUMBER > out.size:
        return FULL
    left = nb.u8(value)
    if value < 0:
        out[at] = 45  # -
        at += 1
        left = nb.u8(0) - left
    n, rest = 1, left // nb.u8(10)
    while rest:
        n, rest = n + 1, rest // nb.u8(10)
    for k in range(n - 1, -1, -1):
        out[at + k] = 48 + left % nb.u8(10)
        left //= nb.u8(10)
    return at + n


@nb.njit(nb.i8(nb.i8, nb.i8, nb.i8), cache=True, nogil=True)
def _kept(text: int, n: int, cut: int) -> int:
    """Bytes of a text that are kept: all, or those before the last space of its first `cut` characters."""
    n_characters, end = 0, 0
    while end + 8 <= n and n_characters + 8 <= cut and _u8(text + end) & _HIGH == 0:
        n_characters, end = n_characters + 8, end + 8
    while end < n:
        if _u1(text + end) & 0xC0 != 0x80:  # the first byte of a character
            if n_characters == cut:
                break
            n_characters += 1
        end += 1
    if end == n:
        return n
    space = end - 1
    while space >= 0 and _u1(text + space) != 32:
        space -= 1
    return space if space >= 0 else end


@nb.njit(nb.i8(_OUT, nb.i8, nb.u1), cache=True, nogil=True)
def _escape(out: Bytes, at: int, byte: int) -> int:
    out[at] = 92  # \
    short = 0
    if byte == 34 or byte == 92:
        short = byte
    elif byte == 8:
        short = 98  # b
    elif byte == 9:
        short = 116  # t
    elif byte == 10:
        short = 110  # n
    elif byte == 12:
        short = 102  # f
    elif byte == 13:
        short = 114  # r
    if short:
        out[at + 1] = short
        return at + 2
    for k, digit in enumerate((117, 48, 48, 48 + (byte >> 4))):  # u 0 0, then 0 or 1
        out[at + 1 + k] = digit
    low = byte & 15
    out[at + 5] = 48 + low if low < 10 else 87 + low  # 0-9, a-f
    return at + 6


@nb.njit(nb.i8(_TABLE, nb.i8, nb.i8, _OUT, nb.i8), cache=True, nogil=True)
def _string(nodes: I64s, of: int, at_row: int, out: Bytes, at: int) -> int:
    """One string, or null."""
    if _is_null(nodes, of, at_row):
        return _word(out, at, _NULL, 4)
    start = nb.i8(_i4(nodes[of, VALUES] + 4 * at_row))
    n, text = _i4(nodes[of, VALUES] + 4 * (at_row + 1)) - start, nodes[of, TEXT] + start
    kept = _kept(text, n, nodes[of, CUT]) if 0 < nodes[of, CUT] < n else n
    if at + _ESCAPED * kept + 5 > out.size:
        return FULL
    out[at] = 34  # "
    at += 1
    k = 0
    while k < kept:
        if k + 8 <= kept:
            word = _u8(text + k)
            if _is_plain(word):
                store_eight(out, at, word)
                k, at = k + 8, at + 8
                continue
        byte = _u1(text + k)
        k += 1
        if byte >= 32 and byte != 34 and byte != 92:
            out[at] = byte
            at += 1
        else:
            at = _escape(out, at, byte)
    if kept < n:
        at = _word(out, at, 0xA680E2, 3)  # an ellipsis
    out[at] = 34
    return at + 1


@nb.njit(nb.i8(_TABLE, nb.i8, nb.i8, _OUT, nb.i8), cache=True, nogil=True)
def _list(nodes: I64s, of: int, at_row: int, out: Bytes, at: int) -> int:
    """One list of strings, or null."""
    if _is_null(nodes, of, at_row):
        return _word(out, at, _NULL, 4)
    ends = nodes[of, VALUES]
    first, end = _i4(ends + 4 * at_row), _i4(ends + 4 * (at_row + 1))
    at = _word(out, at, 91, 1)  # [
    for i in range(first, end):
        if i > first and at != FULL:
            at = _word(out, at, 44, 1)  # ,
        if at != FULL:
            at = _string(nodes, of + 1, i + nodes[of + 1, FIRST], out, at)
    return _word(out, at, 93, 1) if at != FULL else FULL  # ]


@nb.njit(nb.i8(_TABLE, nb.i8, nb.i8, _OUT, nb.i8), cache=True, nogil=True)
def _map(nodes: I64s, of: int, at_row: int, out: Bytes, at: int) -> int:
    """One map of lists of strings, or null."""
    if _is_null(nodes, of, at_row):
        return _word(out, at, _NULL, 4)
    ends = nodes[of, VALUES]
    first, end = _i4(ends + 4 * at_row), _i4(ends + 4 * (at_row + 1))
    at = _word(out, at, 123, 1)  # {
    for i in range(first, end):
        if i > first and at != FULL:
            at = _word(out, at, 44, 1)
        if at != FULL:
            at = _string(nodes, of + 1, i + nodes[of + 1, FIRST], out, at)
        if at != FULL:
            at = _word(out, at, 58, 1)  # :
        if at != FULL:
            at = _list(nodes, of + 2, i + nodes[of + 2, FIRST], out, at)
    return _word(out, at, 125, 1) if at != FULL else FULL  # }


@nb.njit(nb.i8(U1S, nb.i8, nb.i8, _OUT, nb.i8), cache=True, nogil=True)
def _copied(source: Bytes, start: int, end: int, out: Bytes, at: int) -> int:
    if at + end - start > out.size:
        return FULL
    for k in range(start, end):
        out[at + k - start] = source[k]
    return at + end - start


@nb.njit(nb.i8(_TABLE, nb.i8, nb.i8, _OUT, nb.i8), cache=True, nogil=True)
def _cell(nodes: I64s, of: int, at_row: int, out: Bytes, at: int) -> int:
    """One value of any kind but FLOAT."""
    kind = nodes[of, KIND]
    if kind == STRING:
        return _string(nodes, of, at_row, out, at)
    if kind == LIST:
        return _list(nodes, of, at_row, out, at)
    if kind == MAP:
        return _map(nodes, of, at_row, out, at)
    if _is_null(nodes, of, at_row):
        return _word(out, at, _NULL, 4)
    if kind == INT:
        return _number(out, at, _i8(nodes[of, VALUES] + 8 * at_row))
    is_true = _has_bit(nodes[of, VALUES], at_row)
    return _word(out, at, _TRUE, 4) if is_true else _word(out, at, _FALSE, 5)


@nb.njit(nb.i8(_TABLE, nb.i8, nb.i8), cache=True, nogil=True)
def _ends_at(nodes: I64s, of: int, at_row: int) -> int:
    place: int = nodes[of, VALUES] + 4 * (at_row + nodes[of, FIRST])
    return place


@nb.njit(nb.void(_TABLE, nb.i8, nb.i8, nb.i8), cache=True, nogil=True)
def _fetch_text(nodes: I64s, of: int, first: int, n: int) -> None:
    """Ask for the bytes of n strings."""
    ends = _ends_at(nodes, of, first)
    start, end = _i4(ends), _i4(ends + 4 * n)
    if 0 < nodes[of, CUT] < end - start:
        end = start + nodes[of, CUT]
    for at in range(start, end, LINE):
        fetch(nodes[of, TEXT] + at)


@nb.njit(nb.void(_TABLE, I8S), cache=True, nogil=True)
def _fetch(nodes: I64s, rows: I64s) -> None:
    """Ask for all that the rows will need, each step for what the step before it found.

    A row of a large batch is in no cache, nor are its values near to each other; one after the other
    they would be waited for longer than everything else takes.
    """
    for row in rows:
        for of in range(len(nodes)):
            width = 8 if nodes[of, KIND] == INT else 4
            if nodes[of, LEVEL] == 0:
                fetch(nodes[of, VALUES] + width * (row + nodes[of, FIRST]))
    for row in rows:
        for of in range(len(nodes)):
            kind = nodes[of, KIND]
            if nodes[of, LEVEL] == 0:
                if kind == STRING:
                    _fetch_text(nodes, of, row, 1)
                elif kind in (LIST, MAP):
                    first = _i4(_ends_at(nodes, of, row))
                    fetch(_ends_at(nodes, of + 1, first))  # whatever lies there, where it is empty
                    if kind == MAP:
                        fetch(_ends_at(nodes, of + 2, first))
    for row in rows:
        for of in range(len(nodes)):
            kind = nodes[of, KIND]
            if nodes[of, LEVEL] == 0 and kind in (LIST, MAP):
                ends = _ends_at(nodes, of, row)
                first, n = _i4(ends), _i4(ends + 4) - _i4(ends)
                if n:
                    _fetch_text(nodes, of + 1, first, n)
                if n and kind == MAP:
                    fetch(_ends_at(nodes, of + 3, _i4(_ends_at(nodes, of + 2, first))))
    for row in rows:
        for of in range(len(nodes)):
            if nodes[of, LEVEL] == 0 and nodes[of, KIND] == MAP:
                ends = _ends_at(nodes, of, row)
                n_values = _i4(ends + 4) - _i4(ends)
                inner = _ends_at(nodes, of + 2, _i4(ends))
                if n_values and _i4(inner + 4 * n_values) > _i4(inner):
                    n = _i4(inner + 4 * n_values) - _i4(inner)
                    _fetch_text(nodes, of + 3, _i4(inner), n)


@nb.njit(nb.i8(_TABLE, U1S, I8S, I8S, U1S, _OUT, nb.i8[::1]), nogil=True, cache=True)
def write_rows(
    nodes: I64s,
    names: Bytes,
    name_ends: I64s,
    rows: I64s,
    floats: Bytes,
    out: Bytes,
    ends: I64s,
) -> int:
    """Write rows one behind the other; the length of all, or FULL.

    Args:
        nodes: (n_nodes, N_FIELDS) of the columns that are written.
        names: what stands before the value of each column, one behind the other.
        name_ends: (n_columns + 1,)
        rows: (n,) of the batch; not checked.
        floats: the JSON list of the FLOAT columns' values, row by row.
        ends: (n,) gets where the text of each row ends.
    """
    _fetch(nodes, rows)
    at, f, n_nodes = 0, 1, len(nodes)
    for r in range(rows.size):
        of, column = 0, 0
        while of < n_nodes:
            at = _copied(names, name_ends[column], name_ends[column + 1], out, at)
            if at == FULL:
                return FULL
            if nodes[of, KIND] == FLOAT:
                start = f
                while floats[f] != 44 and floats[f] != 93:  # , or ]
                    f += 1
                at = _copied(floats, start, f, out, at)
                f += 1
            else:
                at = _cell(nodes, of, rows[r] + nodes[of, FIRST], out, at)
            if at == FULL:
                return FULL
            of += SPAN[nodes[of, KIND]]
            column += 1
        at = _word(out, at, 125, 1)
        if at == FULL:
            return FULL
        ends[r] = at
    return at


@nb.njit(nb.void(_TABLE, I8S, nb.f8[:, ::1]), nogil=True, cache=True)
def read_floats(nodes: I64s, rows: I64s, out: npt.NDArray[np.float64]) -> None:
    """The values of FLOAT columns; NaN where there is none.

    Args:
        nodes: (n_columns, N_FIELDS) of such columns.
        rows: (n,) of the batch; not checked.
        out: (n, n_columns)
    """
    for r in range(rows.size):
        for c in range(len(nodes)):
            at = rows[r] + nodes[c, FIRST]
            is_null = _is_null(nodes, c, at)
            out[r, c] = np.nan if is_null else _f4(nodes[c, VALUES] + 4 * at)
