"""The map from the reference cell in LLVM's language: Jacobians, normals, and how basis functions transform."""

from __future__ import annotations

from itertools import combinations_with_replacement

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.kernel_code import CellCode, Number
from ritz.codegen.fem.pullback import Axes, Part
from ritz.codegen.fem.region import Region
from ritz.codegen.vector_code import Index, Value, literal


class MappedCode(CellCode):
    """Code that knows where its cells lie.

    Attributes:
        corners: per side, points that carry the coordinates of the cells of this batch.
        jacobian, inverse, det, normals: per side, of the map in the present point.
        scale: measure of the cell or facet per unit of the reference.
        point: number of the present point.
        chains: the chain rule in the present point: (side, derivative) -> derivatives on the reference cell, factors.
    """

    def __init__(self, region: Region, lanes: int) -> None:
        super().__init__(region, lanes)
        self.dim = region.mesh.dim
        self.point: Index = 0
        self.chains: dict[tuple[int, Axes], list[tuple[Axes, Number | Value]]] = {}

    def enter(self, q: Index) -> None:
        """Go to a point: what the chain rule gave elsewhere does not hold there."""
        self.point, self.chains = q, {}

    def read_corners(self) -> None:
        """Corners of the cells, and everything that follows from them alone."""
        width, gdim = self.region.coordinates.dim, self.region.mesh.points.shape[1]
        points = self.base("points")
        self.corners: list[list[list[str]]] = []
        for s in range(len(self.region.sides)):
            numbers = self.base(f"geometry {s}")
            corners = []
            for a in range(width):
                where = [self.entry(numbers, width, cell, a) for cell in self.cells]
                corners.append([self._coordinate(points, where, gdim, i) for i in range(gdim)])
            self.corners.append(corners)
        if self.region.factors is not None:
            factors = self.base("factors")
            self.factor = self.gathered(lambda cell: self.code.pointer(factors, cell))
        if self.region.is_affine:
            self._map(0)

    def _coordinate(self, points: str, where: list[str], gdim: int, i: int) -> str:
        result = "poison"
        for lane, node in enumerate(where):
            at = self.code.pointer(points, self.code.plus(self.code.times(node, gdim), i))
            one = self.code.let(f"load double, ptr {at}, align 8")
            result = self.code.let(f"insertelement {self.code.vector} {result}, double {one}, i32 {lane}")
        return result

    def _map(self, q: Index) -> None:
        """Jacobian, its inverse, the measure and the normals of each side."""
        self.jacobian: list[list[list[Value]]] = []
        self.inverse: list[list[list[Value]]] = []
        self.normals: list[list[Value]] = []
        self.det: list[str] = []
        for s in range(len(self.region.sides)):
            jac = [[self.coordinate(s, i, (m,), q) for m in range(self.dim)] for i in range(self.dim)]
            inverse, det = self._inverted(jac)
            self.jacobian.append(jac)
            self.inverse.append(inverse)
            self.det.append(det)
            if s == 0:
                self.scale = self._absolute(det)
            if self.region.over != "cells":
                self._normal(s, inverse)
        if self.region.factors is not None:
            self.scale = self.code.let(f"fmul contract {self.code.vector} {self.scale}, {self.factor}")

    def coordinate(self, s: int, i: int, derivative: Axes, q: Index) -> Value:
        """Coordinate i, or a derivative of it by those of the reference cell."""
        key = self.region.coordinates, self.region.sides[s]
        return self.combine(
            [(self.basis_value(key, (0, derivative), q, a), c[i]) for a, c in enumerate(self.corners[s])]
        )

    def _inverted(self, j: list[list[Value]]) -> tuple[list[list[Value]], str]:
        """Inverse and determinant of a small matrix: ``inverse[m][i] = dX_m / dx_i``."""
        c, d = self.code, self.dim
        if d == 1:
            det = j[0][0]
            cofactors: list[list[Value]] = [[None]]
            assert det is not None
            return [[self._divide(self._one(), det)]], det
        if d == 2:
            cofactors = [[j[1][1], c.sub(None, j[0][1])], [c.sub(None, j[1][0]), j[0][0]]]
        else:
            cofactors = [
                [
                    c.sub(
                        c.mul(j[(i + 1) % 3][(m + 1) % 3], j[(i + 2) % 3][(m + 2) % 3]),
                        c.mul(j[(i + 1) % 3][(m + 2) % 3], j[(i + 2) % 3][(m + 1) % 3]),
                    )
                    for i in range(3)
                ]
                for m in range(3)
            ]
        det = self.combine([(j[i][0], cofactors[0][i]) for i in range(d)])
        assert det is not None
        over = self._divide(self._one(), det)
        return [[c.mul(x, over) for x in row] for row in cofactors], det

    def _one(self) -> str:
        return f"<{', '.join([f'double {literal(1.0)}'] * self.lanes)}>"

    def _normal(self, s: int, inverse: list[list[Value]]) -> None:
        table = self._table(f"normal {s}", lambda group: group.normals[s][:, None, None])
        reference = [self.table_value(table, m, 0, 0) for m in range(self.dim)]
        vector = [self.combine([(reference[m], inverse[m][i]) for m in range(self.dim)]) for i in range(self.dim)]
        square = self.combine([(x, x) for x in vector])
        symbol = f"llvm.sqrt.v{self.lanes}f64"
        v = self.code.vector
        self.declared.add(f"declare {v} @{symbol}({v}) nounwind willreturn readnone")
        length = self.code.let(f"call {v} @{symbol}({v} {square})")
        over = self._divide(self._one(), length)
        self.normals.append([self.code.mul(x, over) for x in vector])
        if s == 0:
            scaled = self.code.mul(self.scale, length)
            assert scaled is not None
            self.scale = scaled

    def factors(self, ref: Reference, part: Part, side: int) -> list[tuple[Part, Number | Value]]:
        """A component in space, or a derivative of it, as a sum over those on the reference cell: (part, factor).

        The same in NumPy, with the equations: `CellMap.factors`.
        """
        s, (component, derivative) = 0 if side > 0 else 1, part
        slopes = self._chain(s, derivative)
        if ref.map == "identity":
            return [((0, axes), factor) for axes, factor in slopes]
        if ref.map == "contravariant":
            over = self._divide(self._one(), self.det[s])
            turned = [self.code.mul(self.jacobian[s][component][j], over) for j in range(self.dim)]
        else:
            turned = [self.inverse[s][j][component] for j in range(self.dim)]
        found: list[tuple[Part, Number | Value]] = [
            ((j, axes), self.times(factor, turned[j])) for j in range(self.dim) for axes, factor in slopes
        ]
        if derivative and not self.region.is_affine:
            found += [((j, ()), factor) for j, factor in enumerate(self._turning(ref, s, component, *derivative))]
        return found

    def _turning(self, ref: Reference, s: int, component: int, axis: int) -> list[Value]:
        """Derivative along `axis` of what turns a vector element, for one component."""
        c, inverse, each = self.code, self.inverse[s], range(self.dim)

        def change(k: int, p: int) -> Value:
            """Derivative of the Jacobian."""
            seconds = [self.coordinate(s, k, (min(p, n), max(p, n)), self.point) for n in each]
            return self.combine([(inverse[n][axis], seconds[n]) for n in each])

        if ref.map == "contravariant":
            growth = self.combine([(inverse[p][k], change(k, p)) for k in each for p in each])
            over = self._divide(self._one(), self.det[s])
            jacobian = self.jacobian[s][component]
            return [c.mul(c.sub(change(component, j), c.mul(jacobian[j], growth)), over) for j in each]
        row = [self.combine([(inverse[p][component], change(k, p)) for p in each]) for k in each]
        return [c.sub(None, self.combine([(inverse[j][k], row[k]) for k in each])) for j in each]

    def _chain(self, s: int, derivative: Axes) -> list[tuple[Axes, Number | Value]]:
        """A derivative in space as a sum of derivatives on the reference cell."""
        if (s, derivative) not in self.chains:
            self.chains[s, derivative] = self._chain_rule(s, derivative)
        return self.chains[s, derivative]

    def _chain_rule(self, s: int, derivative: Axes) -> list[tuple[Axes, Number | Value]]:
        inverse, c = self.inverse[s], self.code
        if not derivative:
            return [((), 1.0)]
        if len(derivative) == 1:
            return [((m,), inverse[m][derivative[0]]) for m in range(self.dim)]
        i, j = derivative
        seconds: list[tuple[Axes, Value]] = []
        for m, n in combinations_with_replacement(range(self.dim), 2):
            factor = c.mul(inverse[m][i], inverse[n][j])
            seconds.append(((m, n), factor if m == n else c.add(factor, c.mul(inverse[n][i], inverse[m][j]))))
        if self.region.is_affine:
            return [*seconds]
        bend = [
            self.combine([(self.coordinate(s, k, axes, self.point), factor) for axes, factor in seconds])
            for k in range(self.dim)
        ]
        firsts = [self.combine([(inverse[m][k], bend[k]) for k in range(self.dim)]) for m in range(self.dim)]
        return [*seconds, *(((m,), c.sub(None, f)) for m, f in enumerate(firsts) if f is not None)]
