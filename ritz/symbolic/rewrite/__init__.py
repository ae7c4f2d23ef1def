"""The rewriter of pointwise expressions: cheaper or more accurate forms, each checked against its source."""

from ritz.symbolic.rewrite.cost import CostTable as CostTable
from ritz.symbolic.rewrite.facts import Facts as Facts
from ritz.symbolic.rewrite.interface import Rewritten as Rewritten
from ritz.symbolic.rewrite.interface import rewrite as rewrite
from ritz.symbolic.rewrite.island import prove_equal as prove_equal
from ritz.symbolic.rewrite.lowering import schedule_naive as schedule_naive
from ritz.symbolic.rewrite.report import RewriteReport as RewriteReport
from ritz.symbolic.rewrite.rule_language import Rule as Rule
from ritz.symbolic.rewrite.rule_language import rule as rule
from ritz.symbolic.rewrite.scheduled import Builder as Builder
from ritz.symbolic.rewrite.scheduled import Scheduled as Scheduled
from ritz.symbolic.rewrite.scheduled import raise_to_graph as raise_to_graph
from ritz.symbolic.rewrite.settings import Rewriting as Rewriting
