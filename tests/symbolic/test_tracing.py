"""What is recorded from NumPy programs, evaluated on the graph, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from ritz.errors import UnsupportedError
from ritz.symbolic.graph import Graph
from ritz.symbolic.tracing.folding import choose, conjunction, folded, substitute
from ritz.symbolic.tracing.oracle import run
from ritz.symbolic.tracing.record import call_order, check_against, record
from ritz.symbolic.tracing.settle import decode, encode, settle
from ritz.symbolic.tracing.tape import Tape

RNG = np.random.default_rng(11)
FIXED = RNG.random((10, 12))
ROW = RNG.random(12)
CHOSEN = np.array([3, 0, 11, 3, 5, -1, 7, 2, 9, 4, 6, 8])
BOOLS = np.arange(12) % 3 == 0

# u is (10, 12), v is (12,), y is (2, 10, 12), s a number; every result has the shape of u
EXPRESSIONS = {
    "plus": lambda u, v, y, s: u + v + s + FIXED + 1,
    "right operands": lambda u, v, y, s: 1 - (2 / u) * (3**u) + FIXED * u - ROW / v,
    "powers": lambda u, v, y, s: u**3 + u**0.5 + u**-2 + v**v + u**1.7 + np.float64(2.0) ** v,
    "mod": lambda u, v, y, s: u % 0.3 + u // 0.2 + np.mod(-u, 0.4) + np.remainder(5.0, u),
    "unary": lambda u, v, y, s: -u + +v + abs(u - 0.5),
    "exponentials": lambda u, v, y, s: np.exp(u) + np.expm1(v) + np.log(u) + np.log1p(u) + np.exp2(u) + np.log2(u),
    "more logarithms": lambda u, v, y, s: np.log10(u) + np.cbrt(u - 0.5) + np.sqrt(u) + np.square(u),
    "trigonometry": lambda u, v, y, s: np.sin(u) * np.cos(v) + np.tan(u) + np.arcsin(u) + np.arccos(v) + np.arctan(u),
    "two angles": lambda u, v, y, s: np.arctan2(u, v) + np.hypot(u, v) + np.deg2rad(u) + np.rad2deg(v),
    "hyperbolic": lambda u, v, y, s: np.sinh(u) + np.cosh(u) + np.tanh(v) + np.arcsinh(u) + np.arctanh(v),
    "steps": lambda u, v, y, s: np.sign(u - 0.5) + np.floor(3 * u) + np.ceil(3 * u) + np.heaviside(u - 0.5, 0.5),
    "extremes": lambda u, v, y, s: np.maximum(u, v) + np.minimum(u, 0.5) + np.fmax(u, s) + np.clip(u, 0.3, v + 0.3),
    "clip one side": lambda u, v, y, s: np.clip(u, None, 0.5) + u.clip(0.4) + np.clip(u, 0.3, None),
    "comparisons": lambda u, v, y, s: (u > v) * 1.0 + (u <= 0.5) * u + np.where(u == u, 1, 0) + (v != v),
    "logic": lambda u, v, y, s: np.where((u > 0.3) & (v < 0.7) | ~(u < 0.5), u, v) + np.logical_xor(u > 0.5, v > 0.5),
    "any and all": lambda u, v, y, s: u * np.any(u > 0.9) + np.all(u > 0, axis=1, keepdims=True) * v,
    "select": lambda u, v, y, s: np.select([u < 0.3, u < 0.6], [u, 2 * u], 5.0),
    "boolean sums": lambda u, v, y, s: u + np.sum(u > 0.5, axis=0) + np.mean(v > 0.5),
    "slices": lambda u, v, y, s: np.concatenate([u[2:], u[:2]]) + u[::-1] + u[:, ::-1] + u[..., :] + u[-10:, -12:],
    "negative steps": lambda u, v, y, s: u[-1::-1, 11:None:-1] + np.concatenate([u[::2], u[1::2]]),
    "new axes": lambda u, v, y, s: u[:, None, :].sum(axis=1) + u[:, :1] * v[None] + u[:, 3][:, np.newaxis],
    "numbers": lambda u, v, y, s: u + u[3, 4] + v[-1] + y[1, -1, 2] + y[0][2][5],
    "index arrays": lambda u, v, y, s: u[:, CHOSEN] + v[CHOSEN] + u[[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]],
    "masks of numbers": lambda u, v, y, s: u + u[:, BOOLS].sum(axis=1, keepdims=True),
    "take": lambda u, v, y, s: np.take(u, CHOSEN, axis=1) + u.take(CHOSEN, axis=1),
    "rolls": lambda u, v, y, s: np.roll(u, (1, -2), (0, 1)) + np.roll(u, 3, axis=(0, 1)) + np.roll(v, 30),
    "flips": lambda u, v, y, s: np.flip(u) + np.flip(u, 0),
    "pads": lambda u, v, y, s: np.pad(u, ((1, 0), (0, 2)), mode="edge")[1:, 2:] + np.pad(u, 1)[2:, :-2],
    "more pads": lambda u, v, y, s: np.pad(v, 3, mode="reflect")[6:] + np.pad(u, 2, mode="symmetric")[4:, 4:],
    "pad with values": lambda u, v, y, s: np.pad(u, 1, constant_values=2.5)[:-2, :-2],
    "transposes": lambda u, v, y, s: u.T.T + np.transpose(u, (1, 0)).T + np.swapaxes(u, 0, 1).swapaxes(0, 1),
    "moved axes": lambda u, v, y, s: np.moveaxis(y, 0, 2).sum(axis=2) + y.transpose(1, 2, 0)[..., 1],
    "stacks": lambda u, v, y, s: np.stack([u, 2 * u]).sum(axis=0) + np.stack([u, u], axis=-1)[..., 0],
    "more stacks": lambda u, v, y, s: (
        np.vstack([u[:5], u[5:]]) + np.hstack([u[:, 6:], u[:, :6]]) + np.vstack([v, v])[0]
    ),
    "splits": lambda u, v, y, s: np.split(y, 2)[1][0] + np.concatenate(np.split(u, 2, axis=1)[::-1], axis=1),
    "lists": lambda u, v, y, s: np.array([u[0, 0], s]).sum() + u,
    "repeats": lambda u, v, y, s: np.repeat(u[:, :6], 2, axis=1) + np.tile(v[:4], 3) + np.repeat(u[:, :1], 12, axis=1),
    "shapes": lambda u, v, y, s: u.reshape(10, 1, 12)[:, 0] + y.reshape(1, 2, 10, 12)[0, 1] + np.expand_dims(v, 0),
    "squeezes": lambda u, v, y, s: np.squeeze(u[:, None]) + np.squeeze(y[:1], axis=0) + np.broadcast_to(v, (10, 12)),
    "sums": lambda u, v, y, s: u + u.sum() + u.sum(axis=0) + np.sum(u, axis=-1, keepdims=True) + y.sum(axis=0),
    "means": lambda u, v, y, s: u - u.mean() + np.mean(y, axis=(0, 2))[:, None] + v.mean(),
    "largest": lambda u, v, y, s: u / u.max() + np.min(u, axis=0) + np.amax(y, axis=0) + np.ptp(v) + y.min(),
    "spread": lambda u, v, y, s: u + np.var(u, axis=0) + np.std(v),
    "products": lambda u, v, y, s: u + np.prod(v) + u.prod(axis=0) + np.prod(y, axis=0),
    "matrices": lambda u, v, y, s: u @ np.outer(v, v) + FIXED @ (FIXED.T @ u) + (u @ v)[:, None] + u @ FIXED.T @ u,
    "dots": lambda u, v, y, s: np.dot(v, v) + u + v @ ROW + ROW @ v + np.dot(u, v)[:, None] + np.inner(v, v),
    "einsum": lambda u, v, y, s: np.einsum("ij,j->ij", u, v) + np.einsum("ij,kj,kl->il", u, u, u),
    "differences": lambda u, v, y, s: (
        np.diff(u, axis=0, prepend=u[:1]) + np.diff(v, append=0.0) + np.gradient(u, axis=1)
    ),
    "gradients": lambda u, v, y, s: sum(np.gradient(u, 0.5)) + np.gradient(v, 0.1),
    "ufunc out": lambda u, v, y, s: np.add(u, v, out=np.zeros_like(u)) + np.multiply.reduce(np.stack([u, u])),
    "ufunc where": lambda u, v, y, s: np.sqrt(u, out=np.ones_like(u), where=u > 0.5),
    "like": lambda u, v, y, s: np.ones_like(u) + np.full_like(u, s) * np.zeros_like(u, shape=(12,)) + u.copy() + u.real,
    "types": lambda u, v, y, s: u.astype(float) + (u > 0.5).astype(float),
    "fixed loop": lambda u, v, y, s: sum((k + 1) * np.roll(u, k, 1) for k in range(4)),
}


def assignments(u, v, y, s):
    out = np.empty_like(u)
    out[:] = v
    out[1:-1, 2:] += u[1:-1, 2:]
    out[0], out[-1] = 1.0, u[-2]
    out[::3, ::2] *= 2.0
    out[:, [0, 5]] = u[:, [1, 2]]
    out[2, 3] = s
    out[4, 1:4] = [1.0, 2.0, s]
    out[np.arange(10) == 7] = v[::-1]
    out[..., -1] -= v[0]
    return out


def views(u, v, y, s):
    out = np.zeros_like(y)
    first, second = out
    inner = first[1:-1]
    inner[:, 0] = 3.0
    second[...] = u
    first += second
    row = out[0, 2]
    out[0, 2, 3] = s
    return first + second + row


def numbers(u, v, y, s):
    first = v[0]
    kept = first
    first *= 2.0
    s += first
    return u + v * kept + s


EXPRESSIONS |= {"assignments": assignments, "views": views, "numbers change": numbers}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_record_agrees_with_numpy(name):
    def program(t, u, v, y, s):
        return EXPRESSIONS[name](u, v, y, s), v, y, s

    shapes = {"u": (10, 12), "v": (12,), "y": (2, 10, 12), "s": ()}
    values = {n: RNG.uniform(0.1, 0.9, shape) for n, shape in shapes.items()}
    recording = record(program, shapes, [])
    check_against(recording, program, values, {}, 0.0)
    check_against(recording, program, {n: x[::-1].copy() if x.ndim else x for n, x in values.items()}, {}, 0.0)


def test_comparison_can_fail():
    calls = []

    def program(t, u):
        calls.append(1)
        return u * len(calls)

    recording = record(program, {"u": (10,)}, [])
    with pytest.raises(UnsupportedError, match="gives another result for u"):
        check_against(recording, program, {"u": np.ones(10)}, {}, 0.0)


def test_size_of_the_record_does_not_depend_on_the_grid():
    def program(t, u):
        out = np.zeros_like(u)
        out[1:-1] = np.roll(u, 1, 1)[2:] - u[:-2]
        return out + u.mean()

    sizes = {len(record(program, {"u": (n, n + 1)}, []).tape.g) for n in (20, 50, 300)}
    assert len(sizes) == 1


def test_long_chains_need_no_recursion():
    def program(t, u):
        for _ in range(1500):
            u = np.sin(u) + np.roll(u, 1)
        return u

    recording = record(program, {"u": (12,)}, [])
    assert len(recording.tape.g) > 3000
    (root,) = recording.rhs.values()
    assert settle(recording.tape, [root])


# ---------------------------------------------------------------------- parts
def test_reads_have_one_normal_form():
    tape = Tape()
    a, b = tape.axis(1, 10), tape.axis(0, 10)
    u = tape.g.input("u", "state", [a, b])
    turned = tape.permute(u, [(a, b), (b, a)])
    back = tape.permute(turned, [(a, b), (b, a)])
    assert settle(tape, [back]) == [u]
    once = tape.gather(u, np.arange(10) - 1, b, b)
    twice = tape.gather(tape.gather(u, (np.arange(10) + 1) % 10, b, b), (np.arange(10) - 2) % 10, b, b)
    assert settle(tape, [tape.gather(u, (np.arange(10) - 1) % 10, b, b)]) == settle(tape, [twice])
    assert once != u
    leaf, moves = decode(tape.g, settle(tape, [turned])[0])
    assert leaf == u and {axis: target for axis, (_, target) in moves.items()} == {a: b, b: a}
    assert encode(tape, u, {}) == u


def test_settled_form_has_index_maps_on_leaves_only():
    def program(t, u):
        x = np.exp(np.roll(u, 1)) * u
        return np.roll(x, 2) - np.roll(x, -1) + np.pad(x[1:-1], 1)

    recording = record(program, {"u": (20,)}, [])
    g = recording.tape.g
    (root,) = settle(recording.tape, list(recording.rhs.values()))
    for node in g.topological([root]):
        if g.op[node] == "gather":
            leaf, _ = decode(g, node)
            assert g.op[leaf] in ("input", "map")
        if g.op[node] == "map":
            assert g.args[node][0].kind == "store"
    u = RNG.random(20)
    state = recording.blocks[0].node
    (found,) = run(recording.tape, list(recording.rhs.values()), {state: u})
    np.testing.assert_allclose(found.ravel(), program(0.0, u), rtol=1e-14)


def test_known_choices_are_made():
    g = Graph()
    x, y = g.input("x", "state"), g.input("y", "state")
    c = g.func("gt", x, y)
    assert choose(g, g.one, x, y) == x and choose(g, g.zero, x, y) == y and choose(g, c, x, x) == x
    assert conjunction(g, [g.one, c, c]) == c and conjunction(g, [c, g.zero]) == g.zero
    assert folded(g, "or", [g.zero, c]) == c and folded(g, "or", [c, g.one]) == g.one
    assert folded(g, "not", [g.one]) == g.zero and folded(g, "gt", [g.one, g.const(0.5)]) == g.one
    mask = g.input("mask", "mask")
    node = g.func("where", g.func("gt", mask, g.const(0.5)), x, y)
    assert substitute(g, [node], {mask: g.one}) == [x] and substitute(g, [node], {mask: g.zero}) == [y]


def test_order_of_arguments():
    assert call_order(lambda t, v, u, a: 0, ["u", "v"], ["a"]) == ["v", "u", "a"]  # by name
    assert call_order(lambda time, state, rate: 0, ["y"], ["a"]) == ["y", "a"]  # by position
    assert call_order(lambda t, *rest: 0, ["u", "v"], ["a"]) == ["u", "v", "a"]
    assert call_order(lambda t, u, flag=True: 0, ["u"], []) == ["u"]
