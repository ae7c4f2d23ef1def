"""Model files of other tools as problems: BioNetGen networks and SBML."""

from __future__ import annotations

from pathlib import Path

from ritz.errors import ParseError
from ritz.symbolic.graph_problem import GraphProblem
from ritz.symbolic.importers.bionetgen import read_bionetgen
from ritz.symbolic.importers.sbml import read_sbml

__all__ = ["read_bionetgen", "read_model", "read_sbml"]


def read_model(path: str | Path) -> GraphProblem:
    """Read a model file, whatever its kind: an SBML file is XML, a network of BioNetGen has a block of parameters.

    Args:
        path: the file.

    Returns:
        what `read_sbml` or `read_bionetgen` return.

    Raises:
        ParseError: the file is of neither kind.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "model.txt"
        >>> _ = file.write_text("nothing")
        >>> read_model(file)
        Traceback (most recent call last):
        ritz.errors.ParseError: model.txt is neither SBML (XML) nor a network file of BioNetGen (begin parameters ...).
    """
    path = Path(path)
    with open(path, encoding="utf-8", errors="replace") as file:
        head = file.read(20_000)
    if head.lstrip("\ufeff \t\r\n").startswith("<"):
        return read_sbml(path)
    if "begin parameters" in head or path.suffix == ".net":
        return read_bionetgen(path)
    raise ParseError(f"{path.name} is neither SBML (XML) nor a network file of BioNetGen (begin parameters ...).")
