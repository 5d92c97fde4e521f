"""Export a model to ONNX, for fast encoding on processors: whole numbers in place of floats, if wanted."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from transformers import PreTrainedModel

from isogloss.encoding import load_encoder
from isogloss.encoding.onnx_module import (
    GRAPH_FILE,
    INPUTS,
    MODULE_NAME,
    OUTPUT,
    OnnxTransformer,
    open_model,
)
from isogloss.errors import ConfigError, ModelError, first_line
from isogloss.files import is_free, replace_folder, write_text
from isogloss.model_source import find_model, hide_loading_bars

PROBES = (
    "Where is the river?",
    "Der Fluss entspringt in den Bergen und mündet nach 320 Kilometern ins Meer.",
    "Mto huu unaanza milimani.",
    "ينبع النهر من الجبال.",
    "नदी पहाड़ों से निकलती है।",
    "这条河发源于山区，全长320公里。",
    "1969",
)
"""Texts whose vectors are compared before a model is written."""
_LEAST_COSINE = 0.9999
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin")


class Precision(StrEnum):
    """Say how numbers are kept."""

    FLOAT32 = "float32"
    """As in the model: its vectors stay the same but for rounding."""
    INT8 = "int8"
    """Weights as whole numbers of 8 bits, a quarter of the size; vectors change a little."""


@dataclass(frozen=True)
class ExportReport:
    """Say what was written.

    Attributes:
        folder: The exported model.
        precision: How its numbers are kept.
        megabytes: Size of the network's file before and after, in 10^6 bytes.
        cosines: Lowest and mean cosine of vectors before and after, over some short texts.
    """

    folder: str
    precision: str
    megabytes: tuple[float, float]
    cosines: tuple[float, float]

    def to_text(self) -> str:
        """Write what was done in a few lines."""
        before, after = self.megabytes
        return (
            f"exported to {self.folder} ({self.precision}): {before:.1f} MB to {after:.1f} MB\n"
            f"cosine to the model's own vectors, over {len(PROBES)} short texts: "
            f"at least {self.cosines[0]:.4f}, {self.cosines[1]:.4f} on average"
        )

    def to_json(self) -> str:
        """Write the same as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


def export_model(model: str, out: Path, precision: Precision = Precision.FLOAT32) -> ExportReport:
    """Export a model to a folder that every command of isogloss takes as a model.

    The tokenizer, the modules behind the network, prefixes and lengths stay as they are.

    Args:
        model: Run directory, model folder or hub name.
        out: Folder to write; it is empty or missing.
        precision: How to keep the weights.

    Returns:
        What was written.

    Raises:
        ConfigError: The folder is not free, or a package of the extra ``onnx`` is missing.
        ModelError: The model cannot be loaded, is no transformer, or cannot be exported.

    Source: ours; dynamic quantisation is that of ONNX Runtime.
    """
    _require_packages()
    if not is_free(out):
        raise ConfigError(f"{out} is not empty; choose another folder for the exported model")
    source = load_encoder(find_model(model).model, device="cpu", quiet=True)
    network = _find_network(source.model, model)
    with tempfile.TemporaryDirectory(prefix="isogloss-") as scratch, _quiet_libraries(), hide_loading_bars():
        graph = Path(scratch) / GRAPH_FILE
        _write_graph(source.model, network, graph, model)
        sizes = [graph.stat().st_size]
        if precision is Precision.INT8:
            graph = _quantise(graph)
        sizes.append(graph.stat().st_size)
        with replace_folder(out) as temporary:
            _write_folder(source.model, graph, temporary)
            cosines = _compare(source.model, open_model(str(temporary), "cpu", {}))
            if precision is Precision.FLOAT32 and not cosines[0] >= _LEAST_COSINE:
                raise ModelError(
                    f"{model}: exported vectors differ (cosine {cosines[0]:.4f}); nothing was written"
                )
            report = ExportReport(
                str(out), precision.value, (sizes[0] / 1e6, sizes[1] / 1e6), (cosines[0], cosines[1])
            )
            write_text(temporary / "export.json", report.to_json() + "\n")
    return report


def _require_packages() -> None:
    """Insist on what exporting needs."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"exporting needs the package {error.name}: pip install 'isogloss[onnx]'"
        ) from error


def _find_network(model: SentenceTransformer, name: str) -> PreTrainedModel:
    """Find the network of a model's first module."""
    first = model[0]
    if isinstance(first, OnnxTransformer):
        raise ModelError(f"{name}: is an exported model already; name the model that it was exported from")
    network = first.model if isinstance(first, Transformer) else None
    if not isinstance(network, PreTrainedModel):
        raise ModelError(f"{name}: its first module is no transformer, nothing else can be exported")
    return network


class _Graph(nn.Module):
    """Give the network the two inputs and the one output of the graph."""

    def __init__(self, network: PreTrainedModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Compute the vectors of the tokens."""
        vectors: Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask)[0]
        return vectors


def _write_graph(model: SentenceTransformer, network: PreTrainedModel, file: Path, name: str) -> None:
    """Trace the network on two texts and write it, for any number of texts and tokens."""
    features = model.preprocess(list(PROBES[:2]))
    # Fused attention is traced into more than ONNX Runtime can optimise.
    network.set_attn_implementation("eager")
    axes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    try:
        program = torch.onnx.export(
            _Graph(network).eval(),
            tuple(features[key] for key in INPUTS),
            dynamo=True,
            dynamic_shapes=(axes, axes),
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            verbose=False,
        )
        assert program is not None  # noqa: S101 - for the type checker
        program.save(str(file))
    except Exception as error:  # whatever the tracer meets in a network
        raise ModelError(f"{name}: cannot be exported ({first_line(error)})") from error


def _quantise(graph: Path) -> Path:
    """Turn the weights of matrix products and embeddings into whole numbers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = graph.with_name(f"int8-{GRAPH_FILE}")
    quantize_dynamic(graph, small, weight_type=QuantType.QInt8, per_channel=True)
    return small


def _write_folder(model: SentenceTransformer, graph: Path, folder: Path) -> None:
    """Write the model with the graph in place of its weights."""
    model.save_pretrained(str(folder))
    listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    listed[0]["type"] = MODULE_NAME
    write_text(folder / "modules.json", json.dumps(listed, indent=2) + "\n")
    first = folder / listed[0]["path"]
    for pattern in _WEIGHTS:
        for file in first.glob(pattern):
            file.unlink()
    (first / GRAPH_FILE).write_bytes(graph.read_bytes())


def _compare(before: SentenceTransformer, after: SentenceTransformer) -> Sequence[float]:
    """Measure the lowest and the mean cosine of the vectors of the probes."""
    vectors = [np.asarray(model.encode(list(PROBES), show_progress_bar=False)) for model in (before, after)]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in vectors]
    cosines = (unit[0] * unit[1]).sum(axis=1)
    return float(cosines.min()), float(cosines.mean())


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep the tracer's and the quantiser's remarks about themselves out of the output."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
