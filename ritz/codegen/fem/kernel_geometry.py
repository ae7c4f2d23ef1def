"""The map from the reference cell in LLVM's language: Jacobians, normals, and how basis functions transform."""

from __future__ import annotations

from ritz.codegen.fem.element import Reference
from ritz.codegen.fem.kernel_code import CellCode, Number
from ritz.codegen.fem.region import Region
from ritz.codegen.vector_code import Index, Value, literal

Part = tuple[int, int]  # component, and 0 for the value or 1 + i for the derivative along coordinate i


class MappedCode(CellCode):
    """Code that knows where its cells lie.

    Attributes:
        corners: per side, points that carry the coordinates of the cells of this batch.
        jacobian, inverse, det, normals: per side, of the map in the present point.
        scale: measure of the cell or facet per unit of the reference.
    """

    def __init__(self, region: Region, lanes: int) -> None:
        super().__init__(region, lanes)
        self.dim = region.mesh.dim

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
        for s, side in enumerate(self.region.sides):
            table = self.basis_table((self.region.coordinates, side))
            jac = [
                [
                    self.combine([(self.table_value(table, 1 + m, q, a), c[i]) for a, c in enumerate(self.corners[s])])
                    for m in range(self.dim)
                ]
                for i in range(self.dim)
            ]
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

    def factors(self, ref: Reference, part: Part, side: int) -> list[tuple[int, Number | Value]]:
        """A value or derivative in space as a sum over rows of the table of a basis: (row, factor)."""
        s, (component, derivative), d = 0 if side > 0 else 1, part, self.dim
        slopes: list[tuple[int, Number | Value]] = [(0, 1.0)]
        if derivative:
            slopes = [(1 + m, self.inverse[s][m][derivative - 1]) for m in range(d)]
        if ref.map == "identity":
            return slopes
        if ref.map == "contravariant":
            over = self._divide(self._one(), self.det[s])
            turned = [self.code.mul(self.jacobian[s][component][j], over) for j in range(d)]
        else:
            turned = [self.inverse[s][j][component] for j in range(d)]
        return [(j * (1 + d) + row, self.times(factor, turned[j])) for j in range(d) for row, factor in slopes]
