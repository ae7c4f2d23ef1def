"""Rules towards fewer and cheaper operations.

Each list is one phase of the search. ``REDUCE`` rarely enlarges anything; ``EXPAND`` and ``ASSOCIATE`` prepare other
rules and are run briefly; ``SHARE`` trades one operation for another that may be needed anyway. Sums and products
match in both orders. Side conditions are necessary: without them a rule is false somewhere, or changes where the
expression is defined.
"""

from ritz.symbolic.rewrite.rule_language import Rule, rule

FACTOR: list[Rule] = [
    rule("a*b + a*c", "a*(b + c)"),
    rule("a*b - a*c", "a*(b - c)"),
    rule("a + a*b", "a*(1 + b)"),
    rule("a - a*b", "a*(1 - b)"),
    rule("a*b - a", "a*(b - 1)"),
    rule("a + a", "2*a"),
    rule("a*a - b*b", "(a - b)*(a + b)"),
]

FRACTIONS: list[Rule] = [
    rule("a/d + b/d", "(a + b)/d"),
    rule("a/d - b/d", "(a - b)/d"),
    rule("a*(b/c)", "(a*b)/c"),
    rule("(a/b)/c", "a/(b*c)"),
    rule("a/(b/c)", "(a*c)/b", when="c != 0"),
    rule("a/a", "1", when="a != 0"),
    rule("(a*b)/a", "b", when="a != 0"),
    rule("a/(a*b)", "1/b", when="a != 0"),
    rule("(a*b)/(a*c)", "b/c", when="a != 0"),
    rule("1/a + 1/b", "(a + b)/(a*b)"),
    rule("1/a - 1/b", "(b - a)/(a*b)"),
]

EXPONENTIALS: list[Rule] = [
    rule("exp(a)*exp(b)", "exp(a + b)"),
    rule("exp(a)/exp(b)", "exp(a - b)"),
    rule("1/exp(a)", "exp(-a)"),
    rule("exp(log(a))", "a"),
    rule("log(exp(a))", "a", when="real(a)"),
    rule("log(a) + log(b)", "log(a*b)", when="a > 0, b > 0"),
    rule("log(a) - log(b)", "log(a/b)", when="a > 0, b > 0"),
    rule("exp(b*log(a))", "pow(a, b)", when="a > 0"),
    rule("exp(log(a)/2)", "sqrt(a)", when="a > 0"),
    rule("expm1(a) + 1", "exp(a)"),
    rule("sinh(a)/cosh(a)", "tanh(a)"),
    rule("tanh(a)*cosh(a)", "sinh(a)"),
    rule("cosh(a)**2 - sinh(a)**2", "1"),
    rule("sinh(a)*cosh(a)", "sinh(2*a)/2"),
    rule("cosh(a) + sinh(a)", "exp(a)"),
    rule("cosh(a) - sinh(a)", "exp(-a)"),
    rule("(exp(a) - exp(-a))/(exp(a) + exp(-a))", "tanh(a)"),
]

ROOTS: list[Rule] = [
    rule("sqrt(a)*sqrt(a)", "a"),
    rule("sqrt(a*a)", "abs(a)", when="real(a)"),
    rule("sqrt(a)*sqrt(b)", "sqrt(a*b)", when="a >= 0, b >= 0"),
    rule("sqrt(a)/sqrt(b)", "sqrt(a/b)", when="a >= 0, b > 0"),
    rule("a/sqrt(a)", "sqrt(a)", when="a > 0"),
    rule("abs(a)", "a", when="a >= 0"),
    rule("abs(-a)", "abs(a)"),
    rule("abs(a)*abs(a)", "a*a", when="real(a)"),
    rule("abs(a)*abs(b)", "abs(a*b)"),
    rule("abs(a)/abs(b)", "abs(a/b)"),
    rule("pow(a, b)*pow(a, c)", "pow(a, b + c)", when="a > 0"),
    rule("a*pow(a, b)", "pow(a, 1 + b)", when="a > 0"),
    rule("pow(pow(a, b), c)", "pow(a, b*c)", when="a > 0, real(b), real(c)"),
    rule("pow(exp(a), b)", "exp(a*b)", when="real(a), real(b)"),
    rule("pow(a, 1)", "a"),
    rule("pow(a, 1/2)", "sqrt(a)"),
    rule("pow(a, -1/2)", "1/sqrt(a)", when="a > 0"),
    rule("log(pow(a, b))", "b*log(a)", when="a > 0, real(b)"),
]

ANGLES: list[Rule] = [
    rule("sin(a)**2 + cos(a)**2", "1"),
    rule("1 - cos(a)**2", "sin(a)**2"),
    rule("1 - sin(a)**2", "cos(a)**2"),
    rule("cos(a)**2 - sin(a)**2", "cos(2*a)"),
    rule("1 - 2*sin(a)**2", "cos(2*a)"),
    rule("2*cos(a)**2 - 1", "cos(2*a)"),
    rule("sin(a)*cos(a)", "sin(2*a)/2"),
    rule("sin(a)/cos(a)", "tan(a)"),
    rule("tan(a)*cos(a)", "sin(a)"),
    rule("1 + tan(a)**2", "1/cos(a)**2"),
    rule("sin(a)*cos(b) + cos(a)*sin(b)", "sin(a + b)"),
    rule("sin(a)*cos(b) - cos(a)*sin(b)", "sin(a - b)"),
    rule("cos(a)*cos(b) - sin(a)*sin(b)", "cos(a + b)"),
    rule("cos(a)*cos(b) + sin(a)*sin(b)", "cos(a - b)"),
    rule("sin(-a)", "-sin(a)"),
    rule("cos(-a)", "cos(a)"),
    rule("tan(-a)", "-tan(a)"),
    rule("sinh(-a)", "-sinh(a)"),
    rule("cosh(-a)", "cosh(a)"),
    rule("tanh(-a)", "-tanh(a)"),
    rule("sin(arcsin(a))", "a"),
    rule("cos(arccos(a))", "a"),
    rule("tan(arctan(a))", "a"),
    rule("pi/2 - arctan(a)", "arctan(1/a)", when="a > 0"),
]

REDUCE: list[Rule] = FACTOR + FRACTIONS + EXPONENTIALS + ROOTS + ANGLES

EXPAND: list[Rule] = [
    rule("a*(b + c)", "a*b + a*c"),
    rule("a*(b - c)", "a*b - a*c"),
    rule("(a + b)/c", "a/c + b/c"),
    rule("(a - b)/c", "a/c - b/c"),
]

SHARE: list[Rule] = [
    rule("a/b", "a*(1/b)"),
    rule("exp(-a)", "1/exp(a)"),
    rule("exp(2*a)", "exp(a)**2"),
    rule("exp(a + b)", "exp(a)*exp(b)"),
    rule("exp(a - b)", "exp(a)/exp(b)"),
    rule("sin(2*a)", "2*(sin(a)*cos(a))"),
    rule("cos(2*a)", "1 - 2*sin(a)**2"),
    rule("cos(2*a)", "2*cos(a)**2 - 1"),
    rule("tan(a)", "sin(a)/cos(a)"),
    rule("1/sqrt(a)", "sqrt(a)/a", when="a > 0"),
    rule("a - b", "-(b - a)"),
    rule("log(a*b)", "log(a) + log(b)", when="a > 0, b > 0"),
]

ASSOCIATE: list[Rule] = [
    rule("(a + b) + c", "a + (b + c)"),
    rule("(a*b)*c", "a*(b*c)"),
    rule("(a - b) + c", "(a + c) - b"),
    rule("(a - b) - c", "a - (b + c)"),
    rule("(a + b) - c", "a + (b - c)"),
    rule("a - (b - c)", "(a + c) - b"),
    rule("a - (b + c)", "(a - b) - c"),
]
