"""The computation graph: every derivative by the chain rule, from four elementary operations.

Source: the notes, "Computation Graph" and "Backward Pass". Each operation writes down, beside its
value, its derivative with respect to each input; one walk from the output back to the inputs
multiplies them along a path and adds them over paths. Made to be read, and to hold the formulas of
`logistic.py` against: with one number a node it is far too slow to train with.

>>> x = Node(3.0)
>>> y = x * x + x  # x goes in three times: dy/dx = 2x + 1
>>> y.backward()
>>> y.value, x.grad
(12.0, 7.0)
"""

import math
from collections.abc import Sequence


class Node:
    """A number in a graph: its `value` and, after `J.backward()`, its `grad` dJ/dnode.

    `inputs` are the nodes that it was computed from, each with its derivative with respect to it.
    Plain numbers may stand on either side of +, - and *.
    """

    def __init__(self, value: float, inputs: "tuple[tuple[Node, float], ...]" = ()) -> None:
        self.value = value
        self.inputs = inputs
        self.grad = 0.0

    def __add__(self, other: "Node | float") -> "Node":
        other = _node(other)
        return Node(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: "Node | float") -> "Node":
        other = _node(other)
        return Node(self.value * other.value, ((self, other.value), (other, self.value)))

    def exp(self) -> "Node":
        """e^x; its derivative is itself."""
        value = math.exp(self.value)
        return Node(value, ((self, value),))

    def log(self) -> "Node":
        """The natural logarithm, with derivative 1/x; ValueError unless x > 0."""
        return Node(math.log(self.value), ((self, 1 / self.value),))

    def __neg__(self) -> "Node":
        return self * -1.0

    def __sub__(self, other: "Node | float") -> "Node":
        return self + -other

    def __rsub__(self, other: float) -> "Node":
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> None:
        """Sets `grad` of every node that this one was computed from, afresh at each call."""
        nodes = _inputs_first(self)
        for node in nodes:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(nodes):  # when a node's turn comes, all that it goes into is done
            for source, derivative in node.inputs:
                source.grad += derivative * node.grad


def _node(x: Node | float) -> Node:
    return x if isinstance(x, Node) else Node(float(x))


def _inputs_first(output: Node) -> list[Node]:
    """All nodes behind `output`, each once and after its inputs. No recursion: graphs are deep."""
    ordered, seen = [], set()
    waiting = [(output, False)]
    while waiting:
        node, inputs_are_done = waiting.pop()
        if inputs_are_done:
            ordered.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((source, False) for source, _ in node.inputs)
    return ordered


def worked_example(a: Node, b: Node, c: Node) -> tuple[Node, Node, Node]:
    """The notes' J(a, b, c) = 3(a + bc), as the nodes u = bc, v = a + u and J = 3v.

    >>> a, b, c = Node(5.0), Node(3.0), Node(2.0)
    >>> u, v, J = worked_example(a, b, c)
    >>> u.value, v.value, J.value
    (6.0, 11.0, 33.0)
    >>> J.backward()
    >>> [node.grad for node in (v, u, a, b, c)]
    [3.0, 3.0, 3.0, 6.0, 9.0]
    """
    u = b * c
    v = a + u
    J = 3 * v
    return u, v, J


def logistic_cost(
    w: Sequence[Node], b: Node, xs: Sequence[Sequence[float]], ys: Sequence[float]
) -> Node:
    """J = -1/m Σ (y log a + (1 - y) log(1 - a)), a = σ(w'x + b), for m examples x of n_x numbers.

    σ and the loss are taken apart into elementary nodes, so nothing here knows that dz = a - y.
    For scores of ordinary size: ValueError where a rounds to 1 (z above 36), so that 1 - a has no
    log, OverflowError where e^-z is too large (z below -709).

    >>> w, b = [Node(0.0), Node(0.0)], Node(0.0)
    >>> J = logistic_cost(w, b, xs=[[1.0, 3.0], [2.0, 0.5], [-1.0, -2.0]], ys=[1, 1, 0])
    >>> J.backward()
    >>> round(J.value, 6), [round(node.grad, 4) for node in (*w, b)]
    (0.693147, [-0.6667, -0.9167, -0.1667])
    """
    total = Node(0.0)
    for x, y in zip(xs, ys, strict=True):
        z = sum((w_i * x_i for w_i, x_i in zip(w, x, strict=True)), b)
        a = (-(1 + (-z).exp()).log()).exp()  # 1 / (1 + e^-z), because 1/t = e^(-log t)
        total -= y * a.log() + (1 - y) * (1 - a).log()
    return total * (1 / len(xs))
