"""State dicts of PyTorch, read without it: layouts, conventions, and files that are not to be run.

The networks are written out in NumPy, as their sources have them.
"""

import numpy as np
import pytest
import safetensors.numpy
from torch_files import Tensor, pt_bytes, tensors_of

import metainr
from metainr import fields
from metainr.errors import UserError
from metainr.objectives import pixel_grid
from metainr.weights import load_weights

RNG = np.random.default_rng(0)
SIZES = [(16, 2), (16, 16), (3, 16)]  # [out, in]
LAYERS = [
    (RNG.uniform(-0.2, 0.2, shape).astype("f4"), RNG.uniform(-1, 1, shape[0]).astype("f4"))
    for shape in SIZES
]
COORDS = RNG.uniform(-1, 1, (20, 2)).astype("f4")
LAYOUTS = {
    "explore_siren.ipynb": ["net.0.linear", "net.1.linear", "net.2"],
    "modules.py": ["net.net.0.0", "net.net.1.0", "net.net.2.0"],
    "siren-pytorch": ["layers.0", "layers.1", "last_layer"],
    "siren-pytorch, older": ["net.0", "net.1", "last_layer"],
    "wrapped": ["net.layers.0", "net.layers.1", "net.last_layer"],
    "Sequential": ["0", "2", "4"],
    "after nine": ["model.8", "model.10", "model.12"],
}


def sine_network(coords, first_omega=30.0, omega=30.0):
    """As the sources have it: sin(ω (x Wᵀ + b)), the last layer linear; in float64."""
    x = coords.astype(np.float64)
    for index, (weight, bias) in enumerate(LAYERS[:-1]):
        x = np.sin((omega if index else first_omega) * (x @ weight.T.astype(np.float64) + bias))
    weight, bias = LAYERS[-1]
    return x @ weight.T.astype(np.float64) + bias


def state_dict(names):
    arrays = {}
    for name, (weight, bias) in zip(names, LAYERS):
        arrays |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return arrays


@pytest.fixture
def saved(tmp_path):
    def save(arrays, suffix=".pt"):
        path = tmp_path / f"siren{suffix}"
        if suffix == ".safetensors":
            safetensors.numpy.save_file(
                {name: np.ascontiguousarray(array) for name, array in arrays.items()}, path
            )
        else:
            path.write_bytes(pt_bytes(tensors_of(arrays)))
        return path

    return save


def siren(**options):
    defaults = {"width": 16, "depth": 3, "omega": 30.0, "first_omega": 30.0, "output_offset": 0.0}
    return fields.siren(**{**defaults, **options})


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_known_layouts_are_read(saved, names, suffix):
    weights = load_weights(saved(state_dict(names), suffix))
    assert list(weights) == ["dense_0", "dense_1", "dense_2"]
    for layer, (weight, bias) in zip(weights.values(), LAYERS):
        np.testing.assert_array_equal(layer["kernel"], weight.T)
        np.testing.assert_array_equal(layer["bias"], bias)


@pytest.mark.parametrize("omegas", [(30.0, 30.0), (30.0, 1.0)], ids=["siren", "siren-pytorch"])
def test_the_siren_is_theirs(saved, omegas):
    path = saved(state_dict(LAYOUTS["siren-pytorch"]))
    run = metainr.load(path, field=siren(first_omega=omegas[0], omega=omegas[1]))
    params = run.init.meta_params
    found = run.field.apply(params, COORDS)
    np.testing.assert_allclose(found, sine_network(COORDS, *omegas), atol=2e-5)


def test_coordinates_and_values_become_ours_as_docs_export_says(saved):
    weights = load_weights(saved(state_dict(LAYOUTS["modules.py"])))
    first, last = weights["dense_0"], weights["dense_2"]
    shape = np.array([5, 9])
    first["bias"] = first["bias"] - first["kernel"].sum(0)
    first["kernel"] = first["kernel"] * (2 * shape / (shape - 1))[:, None]
    last["kernel"], last["bias"] = last["kernel"] / 2, last["bias"] / 2
    theirs = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"), -1)
    expected = (sine_network(theirs.reshape(-1, 2)) + 1) / 2
    found = siren(output_offset=0.5).apply(weights, pixel_grid(shape))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_coordinates_kept_by_a_wrapper_are_no_layer(saved):
    arrays = state_dict(LAYOUTS["wrapped"])
    wrapped = load_weights(saved({"grid": COORDS, **arrays}))
    np.testing.assert_array_equal(wrapped["dense_2"]["bias"], LAYERS[2][1])


def test_theirs_are_fitted_on_the_grid_that_is_told(saved):
    path = saved(state_dict(LAYOUTS["siren-pytorch"]))
    run = metainr.load(path, field=siren(omega=1.0), shape=(6, 5))
    fit = run.fit(np.zeros((6, 5, 3)), steps=0)
    expected = sine_network(COORDS, 30.0, 1.0)
    np.testing.assert_allclose(fit(COORDS), expected, atol=1e-5)
    with pytest.raises(UserError, match="shape is .0, 5."):
        metainr.load(path, field=siren(), shape=(0, 5))
    with pytest.raises(UserError, match="shape is .6,., and the field does not take 1 coordinates"):
        metainr.load(path, field=siren(), shape=(6,))


def test_layers_without_biases_get_zeros(saved):
    arrays = {name: x for name, x in state_dict(LAYOUTS["Sequential"]).items() if "weight" in name}
    assert not np.any(load_weights(saved(arrays))["dense_1"]["bias"])


def test_other_floats_are_read(saved):
    arrays = state_dict(LAYOUTS["Sequential"])
    for dtype in ("f2", "f8"):
        found = load_weights(saved({name: x.astype(dtype) for name, x in arrays.items()}))
        np.testing.assert_array_equal(found["dense_2"]["bias"], LAYERS[2][1].astype(dtype))


@pytest.mark.parametrize(
    "names, words",
    [
        (["net.0.linear", "net.1.linear", "net.2.linear"], "a sine follows its last layer net.2"),
        (["encoder", "decoder", "head"], "it holds encoder, decoder, head; name the layers"),
        (["a.0", "b.1", "a.2"], "several kinds"),
        (["net.2", "net.1", "net.0"], "net.1 takes 16 values and net.0 gives 3"),
        (["0.0", "0.1", "last_layer"], "several kinds"),
    ],
)
def test_unknown_layouts_are_refused_by_what_was_found(saved, names, words):
    path = saved(state_dict(names))
    with pytest.raises(UserError, match=f"weights in {path} are no chain.*{words}") as told:
        load_weights(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"0.weight": np.ones((2, 2, 3), "f4")}, "0 has no weight .out, in."),
        ({"0.bias": np.ones(5, "f4")}, r"a weight \[16, 2\] and a bias \[5\]"),
        ({"step": np.ones(1, "f4")}, "it holds 0.weight, 0.bias, 2.weight and 4 more"),
    ],
)
def test_other_tensors_are_refused(saved, change, words):
    with pytest.raises(UserError, match=words):
        load_weights(saved(state_dict(LAYOUTS["Sequential"]) | change))


@pytest.mark.parametrize(
    "tensors, words",
    [
        ({"0.weight": Tensor(0, LAYERS[0][0], offset=1)}, "reaches beyond its storage"),
        ({"0.weight": Tensor(0, LAYERS[0][0], size=(2**40, 2**40))}, "reaches beyond"),
        ({str(i): Tensor(0, LAYERS[0][0]) for i in range(3)}, "share memory"),
        ({"model": {"0.weight": Tensor(0, LAYERS[0][0])}}, "'model' is no tensor; save model"),
        ({"epoch": 3}, "'epoch' is no tensor"),
        ({}, "no state dict"),
    ],
)
def test_what_is_no_state_dict_is_told(tmp_path, tensors, words):
    path = tmp_path / "a.pt"
    path.write_bytes(pt_bytes(tensors))
    with pytest.raises(UserError, match=words):
        load_weights(path)


class _Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return print, (self.marker,)


def test_code_in_a_file_is_refused_unrun(tmp_path, capsys):
    path = tmp_path / "a.pt"
    path.write_bytes(pt_bytes({"0.weight": _Hostile("ran")}))
    with pytest.raises(UserError, match="asks for .*print, refused unrun; save model.state_dict"):
        load_weights(path)
    assert capsys.readouterr().out == ""


def test_files_cut_anywhere_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    content = pt_bytes(tensors_of(state_dict(LAYOUTS["Sequential"])))
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=str(path)):
            load_weights(path)


@pytest.mark.slow
def test_files_of_pytorch_itself_are_read(tmp_path):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(),
        torch.nn.Linear(16, 3),
    )  # fmt: skip
    torch.save(network.state_dict(), tmp_path / "a.pt")
    torch.save(dict(network.named_parameters()), tmp_path / "b.pt")
    expected = network(torch.tensor(COORDS)).detach().numpy()
    field = fields.mlp(width=16, depth=3, output_offset=0.0)
    for name in ("a.pt", "b.pt"):
        run = metainr.load(tmp_path / name, field=field)
        found = field.apply(run.init.meta_params, COORDS)
        np.testing.assert_allclose(found, expected, atol=1e-5)
