"""Rules about special functions (NIST Digital Library of Mathematical Functions, sections 5.5, 7.4, 10.6, 18.5)."""

from ritz.symbolic.rewrite.rule_language import Rule, rule

SPECIAL: list[Rule] = [
    rule("erf(-a)", "-erf(a)"),
    rule("erfc(-a)", "2 - erfc(a)"),
    rule("erf(a) + erfc(a)", "1"),
    rule("gamma(a + 1)", "a*gamma(a)"),
    rule("besselj(n - 1, a) + besselj(n + 1, a)", "2*(n/a)*besselj(n, a)"),
    rule("chebyshevt(n, cos(a))", "cos(n*a)", when="whole(n)"),
]
