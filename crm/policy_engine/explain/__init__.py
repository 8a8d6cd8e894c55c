"""Why: for one resource, what becomes of it, why there and not elsewhere, in which role, and what forces each action.

    answers            the shape of explanations: frozen data, every part with a sentence for people and ids for tools
    chains             what forces an action, or forbids it: followed from action to action back to the first cause
    explainer          from a plan with its trace to an answer
    places             every node as a place for a resource: its score, what made it so, and why it was chosen or not
    promotion_reasons  why an instance of a promotable clone is promoted, or why it is not
    reasons            causes of scores in words: one sentence for each thing that can speak for or against a node

`explain` plans once more with a trace that remembers where scores come from, and puts what it finds into answers:
plain data whose sentences name constraints by their ids and give the numbers. Nothing here decides anything; where an
answer and the plan disagree, the answer is wrong. Layout is the business of whoever prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.model.cib import Cib
    from crm.policy_engine.explain.answers import Explanation


def explain(cib: Cib, now: int, name: str, node: str | None = None) -> Explanation | None:
    """Everything about the resource `name` (an instance as `web:1`) at `now`, epoch seconds; None if there is none.

    With `node` only that node's part of the answer is kept.
    """
    from crm.policy_engine.explain.explainer import explain_resource

    return explain_resource(cib, now, name, node)
