"""The rewriter of pointwise expressions: cheaper or more accurate forms, each checked against its source."""

from ritz.symbolic.rewrite.cost import CostTable as CostTable
from ritz.symbolic.rewrite.lowering import schedule_naive as schedule_naive
from ritz.symbolic.rewrite.scheduled import Builder as Builder
from ritz.symbolic.rewrite.scheduled import Scheduled as Scheduled
from ritz.symbolic.rewrite.scheduled import raise_to_graph as raise_to_graph
