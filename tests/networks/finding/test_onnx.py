"""The graph of an ONNX model says what that of the torch module says."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from napari_shiftseg.networks.finding import find
from napari_shiftseg.networks.finding.found import AGREE
from napari_shiftseg.networks.finding.graph import read_graph
from napari_shiftseg.networks.finding.onnx_graph import onnx_graph
from napari_shiftseg.networks.finding.steps import Unreadable
from napari_shiftseg.networks.finding.torch_graph import torch_graph


def exported(module, size):
    """Export as people do now: through `torch.export`, by onnxscript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (torch.zeros(1, 1, *size),), dynamo=True, verbose=False
        )
    return program.model_proto


class OnnxProbed:
    """An ONNX model as a `Probed`; its sizes are free."""

    ndim, in_channels, out_channels, fixed_size = 2, 1, None, None

    def __init__(self, model):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        del self.model.graph.value_info[:]
        for value in (*self.model.graph.input, *self.model.graph.output):
            for dim in value.type.tensor_type.shape.dim[2:]:
                dim.Clear()
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        content = self.model.SerializeToString()
        self.session = ort.InferenceSession(content, options)

    def predict(self, x):
        name = self.model.graph.input[0].name
        try:
            return self.session.run(None, {name: x.astype(np.float32)})[0]
        except Exception as error:
            raise ValueError("another size") from error

    def graph(self):
        return self.model

    def reinitialised(self, seed):
        return None


def test_both_graphs_say_the_same(case):
    short = 2 * case.short if case.padding != "valid" else case.short
    size = (short,) * case.ndim if case.ndim > 1 else (case.size,)
    module = case.module
    by_torch = read_graph(torch_graph(module, size, 1))
    by_onnx = read_graph(onnx_graph(exported(module, size), size, 1))
    assert by_torch.axes is not None
    assert by_onnx.axes == by_torch.axes
    assert {t.kind for t in by_onnx.traps} == {t.kind for t in by_torch.traps}


def test_weights_as_they_are_are_probed_too(nets):
    module = nets["kaiming"](nets["unet"]((2, 2), features=8)(), 3).float()
    found = find(OnnxProbed(exported(module, (32, 32))))
    axis = found.axes[0]
    assert (axis.period, axis.before, axis.after, axis.padding) == (2, 9, 9, "zeros")
    assert found.agreement["period"] == found.agreement["sizes"] == AGREE
    assert "probed with its weights as they are" in found.notes


def test_two_images_are_no_image(nets):
    model = exported(nets["block"](2, 1, 2), (16, 16))
    model.graph.input.append(onnx.helper.make_tensor_value_info("other", 1, [1]))
    with pytest.raises(Unreadable, match="reads 2 images"):
        onnx_graph(model, (16, 16), 1)
