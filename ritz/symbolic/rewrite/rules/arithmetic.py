"""Signs, units and numbers: what every search does silently and a derivation shows as "arithmetic".

The condition ``number(a)`` holds for constants; sums, products and quotients of constants are worked out exactly.
"""

from ritz.symbolic.rewrite.rule_language import Rule, rule

ARITHMETIC: list[Rule] = [
    rule("a + 0", "a"),
    rule("a - 0", "a"),
    rule("0 - a", "-a"),
    rule("a - a", "0"),
    rule("1*a", "a"),
    rule("0*a", "0"),
    rule("(-1)*a", "-a"),
    rule("--a", "a"),
    rule("a + (-b)", "a - b"),
    rule("a - (-b)", "a + b"),
    rule("(-a) - b", "-(a + b)"),
    rule("-(a - b)", "b - a"),
    rule("a - b", "a + (-b)", when="number(b)"),
    rule("a*(-b)", "-(a*b)"),
    rule("(-a)/b", "-(a/b)"),
    rule("a/(-b)", "-(a/b)"),
    rule("a/b", "(1/b)*a", when="number(b), b != 0"),
    rule("a*b", "-((-a)*b)", when="number(a), a < 0"),
    rule("a*(b*c)", "(a*b)*c", when="number(a), number(b)"),
    rule("(a*b)/c", "a*(b/c)", when="number(a)"),
    rule("a*(b/c)", "(a*b)/c", when="number(a), number(b)"),
    rule("(a + b) + c", "a + (b + c)", when="number(b), number(c)"),
    rule("(a - b) + c", "(a + c) - b", when="number(a), number(c)"),
    rule("a - (b + c)", "(a - c) - b", when="number(a), number(c)"),
    rule("a - (b - c)", "(a - b) + c", when="number(a), number(b)"),
    rule("a*x + b*x", "(a + b)*x", when="number(a), number(b)"),
    rule("a*x - b*x", "(a - b)*x", when="number(a), number(b)"),
    rule("x + b*x", "(1 + b)*x", when="number(b)"),
    rule("x - b*x", "(1 - b)*x", when="number(b)"),
    rule("b*x - x", "(b - 1)*x", when="number(b)"),
]
