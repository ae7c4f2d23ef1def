"""Small SBML files written piece by piece."""

from __future__ import annotations

import libsbml


def sbml(tmp_path, body, level=3, version=2, attributes="", name="model.xml"):
    space = f"http://www.sbml.org/sbml/level{level}/version{version}"
    space += "/core" if level == 3 else ""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<sbml xmlns="{space}" level="{level}" version="{version}">'
    text += f'<model id="m" {attributes}>{body}</model></sbml>'
    path = tmp_path / name
    path.write_text(text)
    return path


def math_of(formula):
    text = libsbml.writeMathMLToString(libsbml.parseL3Formula(formula))
    return text[text.index("<math") :]


def listed(name, *items):
    return f"<listOf{name}>{''.join(items)}</listOf{name}>"


def compartment(name="c", size='size="2"', more=""):
    return f'<compartment id="{name}" {size} spatialDimensions="3" constant="true" {more}/>'


def species(name, initial='initialAmount="1"', substance="true", more='boundaryCondition="false" constant="false"'):
    return f'<species id="{name}" compartment="c" {initial} hasOnlySubstanceUnits="{substance}" {more}/>'


def parameter(name, value=None, more='constant="true"'):
    given = "" if value is None else f'value="{value}"'
    return f'<parameter id="{name}" {given} {more}/>'


def reaction(name, left, right, law, local=""):
    def side(kind, entries):
        refs = [f'<speciesReference species="{s}" stoichiometry="{n}" constant="true"/>' for s, n in entries]
        return listed(kind, *refs) if refs else ""

    kinetics = f"<kineticLaw>{math_of(law)}{local}</kineticLaw>"
    sides = side("Reactants", left) + side("Products", right)
    return f'<reaction id="{name}" reversible="false">{sides}{kinetics}</reaction>'


def rule(kind, variable, formula):
    return f'<{kind}Rule variable="{variable}">{math_of(formula)}</{kind}Rule>'


def assignment(symbol, formula):
    return f'<initialAssignment symbol="{symbol}">{math_of(formula)}</initialAssignment>'


def algebraic(formula):
    return f"<algebraicRule>{math_of(formula)}</algebraicRule>"


def event(name, trigger, changes, *, delay=None, priority=None, initial="true", persistent="true", at_trigger="true"):
    """An event of level 3; `changes` maps variables to formulas."""
    parts = f'<trigger initialValue="{initial}" persistent="{persistent}">{math_of(trigger)}</trigger>'
    parts += f"<priority>{math_of(priority)}</priority>" if priority is not None else ""
    parts += f"<delay>{math_of(delay)}</delay>" if delay is not None else ""
    given = [f'<eventAssignment variable="{v}">{math_of(f)}</eventAssignment>' for v, f in changes.items()]
    parts += listed("EventAssignments", *given) if given else ""
    return f'<event id="{name}" useValuesFromTriggerTime="{at_trigger}">{parts}</event>'
