"""Model files of other tools as problems: BioNetGen networks, SBML."""

from ritz.symbolic.importers.bionetgen import read_bionetgen

__all__ = ["read_bionetgen"]
