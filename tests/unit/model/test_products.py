"""Sums of products and their gradients. Cannot detect that the gradients have become slow."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.model.products import How, sum_of_products

HIGHEST = jax.lax.Precision.HIGHEST


def plain(parts, weights):
    return sum(x @ w for x, w in zip(parts, weights, strict=True))


def custom(parts, weights, turn="parts"):
    return sum_of_products(parts, weights, How(HIGHEST, turn))


@pytest.fixture
def given():
    rng = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return (draw(40, 5), draw(40, 3)), (draw(5, 4), draw(3, 4)), draw(40, 4)


def forces(product, parts, weights):
    """A first derivative, as forces are: of a function that is not linear in anything."""
    return jax.grad(lambda parts: jnp.sum(jnp.sin(product(parts, weights))))(parts)


def loss(product, parts, weights):
    """A function of first derivatives, as the loss is."""
    return sum(jnp.sum(jnp.cos(f)) for f in forces(product, parts, weights))


def third(product, parts, weights):
    gradient = jax.grad(lambda w: loss(product, parts, w))(weights)
    return sum(jnp.sum(jnp.sin(g)) for g in gradient)


@pytest.mark.parametrize("function", [forces, loss, third])
@pytest.mark.parametrize("turn", ["parts", "gradient"])
def test_derivatives_are_those_of_plain_products(given, function, turn):
    # detects a rule with a wrong factor, a wrong transposition, or that is forgotten in a higher derivative
    parts, weights, _ = given

    def gradients(product):
        def total(p, w):
            return sum(jnp.sum(jnp.sin(x)) for x in jax.tree.leaves(function(product, p, w)))

        return jax.tree.leaves(jax.jit(jax.grad(total, argnums=(0, 1)))(parts, weights))

    for ours, theirs in zip(gradients(partial(custom, turn=turn)), gradients(plain), strict=True):
        assert float(jnp.abs(theirs).max()) > 1e-2
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4 * float(jnp.abs(theirs).max()))


def test_gradients_on_a_gpu_are_the_same(given, monkeypatch):
    # detects that the branch for other devices differs
    parts, weights, g = given
    found = jax.vjp(custom, parts, weights)[1](g)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    for ours, theirs in zip(
        jax.tree.leaves(found), jax.tree.leaves(jax.vjp(custom, parts, weights)[1](g)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_many_at_once(given):
    # detects a rule that vmap does not carry: an ensemble is one vmapped call
    parts, weights, _ = given
    several = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), weights)
    found = jax.vmap(lambda w: jax.grad(lambda w: loss(custom, parts, w))(w))(several)
    for number in range(2):
        one = jax.grad(lambda w: loss(plain, parts, w))(jax.tree.map(lambda x, number=number: x[number], several))
        for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(ours[number], theirs, rtol=2e-4, atol=2e-3)
