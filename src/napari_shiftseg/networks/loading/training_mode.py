"""A network whose norms take the statistics of what they read, as in training."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from torch import jit, nn

from napari_shiftseg.networks.loading.foreign import ForeignNetwork

if TYPE_CHECKING:
    from onnx import ModelProto

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.opening.engine import Engine

ONNX_NORM, OF_ITS_INPUT = "BatchNormalization", "InstanceNormalization"


def in_training_mode(network: TiledNetwork) -> TiledNetwork | None:
    """Return a copy whose norms forget the statistics that training kept.

    They take mean and variance of the input at hand instead, as in training, where the
    batch is one tile. All else, dropout too, stays in eval mode.

    Parameters
    ----------
    network : TiledNetwork

    Returns
    -------
    TiledNetwork or None
        None: no norm of it keeps statistics that can be left aside. Programs
        (TorchScript, torch.export) have their mode fixed; ONNX files often have their
        norms folded into the weights.

    Raises
    ------
    OSError, ValueError
        If the file of a network that was made elsewhere is gone or was changed.
    """
    if isinstance(network, ForeignNetwork):
        return _foreign(network)
    copy = deepcopy(network)
    is_changed = _forget(cast("nn.Module", copy))
    return copy if is_changed else None


def _foreign(network: ForeignNetwork) -> TiledNetwork | None:
    """Open the file again: a network as it predicts no longer knows its layers."""
    from napari_shiftseg.networks.loading.known import as_network, refuse_changed
    from napari_shiftseg.networks.loading.models import TRUSTED
    from napari_shiftseg.networks.opening.open import open_network

    config = network.config
    opened = open_network(config.source, frozenset({*TRUSTED, *config.code}))
    refuse_changed(opened.source, opened.sha256, config.sha256)
    engine = _without_statistics(opened.engine)
    if engine is None:
        return None
    return as_network(replace(opened, engine=engine), config)


def _without_statistics(engine: Engine) -> Engine | None:
    from napari_shiftseg.networks.opening.onnx_engine import OnnxEngine
    from napari_shiftseg.networks.opening.torch_file import TorchEngine

    if isinstance(engine, OnnxEngine):
        model = _of_its_input(engine.model)
        return None if model is None else OnnxEngine(model, engine.name)
    if isinstance(engine, TorchEngine):
        module = deepcopy(engine.module)
        return TorchEngine(module, engine.name) if _forget(module) else None
    return None


def _forget(module: nn.Module) -> bool:
    """Drop the statistics that norms kept; False if none kept any.

    Without them torch takes those of the input, in either mode.
    """
    found = False
    for layer in module.modules():
        if isinstance(layer, jit.ScriptModule):
            return False
        if getattr(layer, "running_mean", None) is not None:
            layer.running_mean = layer.running_var = cast("Any", None)
            found = True
    return found


def _of_its_input(model: ModelProto) -> ModelProto | None:
    """Return an ONNX network whose norms are by the input; None if it has no such norm.

    For a batch of one tile, a batch norm in training mode is an instance norm.
    """
    changed = type(model)()
    changed.CopyFrom(model)
    norms = [node for node in changed.graph.node if node.op_type == ONNX_NORM]
    for node in norms:
        node.op_type = OF_ITS_INPUT
        del node.input[3:]  # the mean and the variance of training
        del node.output[1:]
        kept = [each for each in node.attribute if each.name == "epsilon"]
        del node.attribute[:]
        node.attribute.extend(kept)
    return changed if norms else None
