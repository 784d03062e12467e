"""The graph's derivatives against the notes' figures, finite differences and plain loops."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catclf.core.graph import Node, logistic_cost, worked_example


def test_the_notes_example_forward_and_backward() -> None:
    a, b, c = Node(5), Node(3), Node(2)
    u, v, J = worked_example(a, b, c)
    assert (u.value, v.value, J.value) == (6, 11, 33)
    J.backward()
    assert [node.grad for node in (J, v, u, a, b, c)] == [1, 3, 3, 3, 6, 9]


@pytest.mark.parametrize(
    ("expression", "value", "derivative"),
    [
        (lambda x: x + 5, 7, 1),
        (lambda x: 5 + x, 7, 1),
        (lambda x: x - 5, -3, 1),
        (lambda x: 5 - x, 3, -1),
        (lambda x: x - x * x, -2, -3),
        (lambda x: -x, -2, -1),
        (lambda x: x * 5, 10, 5),
        (lambda x: 5 * x, 10, 5),
        (lambda x: x.exp(), math.e**2, math.e**2),
        (lambda x: x.log(), math.log(2), 0.5),
        (lambda x: x + x, 4, 2),
        (lambda x: x * x * x, 8, 12),
    ],
)
def test_each_operation_at_two(expression, value, derivative) -> None:
    x = Node(2.0)
    y = expression(x)
    y.backward()
    assert y.value == pytest.approx(value, rel=1e-15)
    assert x.grad == pytest.approx(derivative, rel=1e-15)


def test_a_node_that_goes_two_ways_waits_for_both() -> None:
    x = Node(2.0)
    u = x * x  # used by v and by J, at different depths
    v = u * 3
    J = v * u  # 3 x^4
    J.backward()
    assert (u.grad, x.grad) == (24, 96)


def test_backward_twice_gives_the_same_gradients() -> None:
    x = Node(2.0)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad == 4


def test_a_graph_deeper_than_the_recursion_limit() -> None:
    x = Node(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert (y.value, x.grad) == (20_001, 20_001)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_no_logarithm_of_what_is_not_positive(value) -> None:
    with pytest.raises(ValueError):
        Node(value).log()


# A random expression: each step takes two earlier nodes and adds a new one; the last is the output.
# exp and log are applied where they are defined and do not explode, whatever their input.
OPERATIONS = {
    "add": lambda p, q: p + q,
    "subtract": lambda p, q: p - q,
    "multiply": lambda p, q: p * q,
    "exp": lambda p, q: (-(p * p)).exp() + q,
    "log": lambda p, q: (p * p + 1).log() * q,
}
numbers = st.floats(-1.5, 1.5)
steps = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=6,
)


def build(leaves: list[Node], program: list[tuple[str, int, int]]) -> Node:
    nodes = list(leaves)
    for operation, i, j in program:
        nodes.append(OPERATIONS[operation](nodes[i % len(nodes)], nodes[j % len(nodes)]))
    assume(all(abs(node.value) < 10 for node in nodes))  # differences of huge numbers say nothing
    return nodes[-1]


@given(st.lists(numbers, min_size=2, max_size=3), steps)
def test_gradients_equal_central_differences(values, program) -> None:
    leaves = [Node(value) for value in values]
    build(leaves, program).backward()
    h = 1e-5
    for i, leaf in enumerate(leaves):
        up, down = (
            build([Node(v + step * (k == i)) for k, v in enumerate(values)], program).value
            for step in (h, -h)
        )
        # h² times a third derivative of some thousands
        assert leaf.grad == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-5)


@st.composite
def problems(draw):
    """Numbers w (n_x), b, xs (m, n_x) and labels ys (m)."""
    n_x, m = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    vectors = st.lists(numbers, min_size=n_x, max_size=n_x)
    xs = draw(st.lists(vectors, min_size=m, max_size=m))
    ys = draw(st.lists(st.sampled_from([0, 1]), min_size=m, max_size=m))
    return draw(vectors), draw(numbers), xs, ys


@given(problems())
def test_logistic_cost_is_the_notes_loop(problem) -> None:
    w, b, xs, ys = problem
    m = len(xs)
    J, dw, db = 0.0, [0.0] * len(w), 0.0
    for x, y in zip(xs, ys, strict=True):
        z = math.fsum(w_i * x_i for w_i, x_i in zip(w, x, strict=True)) + b
        a = 1 / (1 + math.exp(-z))
        J -= math.log(a if y else 1 - a)
        dz = a - y
        dw = [dw_i + x_i * dz for dw_i, x_i in zip(dw, x, strict=True)]
        db += dz

    nodes, offset = [Node(w_i) for w_i in w], Node(b)
    cost = logistic_cost(nodes, offset, xs, ys)
    cost.backward()
    assert cost.value == pytest.approx(J / m, rel=1e-9)
    # 1 - a loses digits where a is near 1: up to 2e-12 of the gradient for scores like these
    assert [node.grad for node in nodes] == pytest.approx([g / m for g in dw], rel=1e-9, abs=1e-11)
    assert offset.grad == pytest.approx(db / m, rel=1e-9, abs=1e-11)


def test_logistic_cost_wants_as_many_labels_as_examples() -> None:
    with pytest.raises(ValueError):
        logistic_cost([Node(0.0)], Node(0.0), xs=[[1.0], [2.0]], ys=[1])


@pytest.mark.parametrize(("z", "error"), [(40.0, ValueError), (-800.0, OverflowError)])
def test_logistic_cost_is_for_scores_of_ordinary_size(z, error) -> None:
    with pytest.raises(error):
        logistic_cost([Node(z)], Node(0.0), xs=[[1.0]], ys=[0])
