"""The first module of an exported model: the tokenizer as ever, the network computed by ONNX Runtime.

Its name stands in the ``modules.json`` of the models that ``isogloss export`` writes. Code that a model names
is never run; this one class is known, and no other.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from isogloss.errors import ConfigError, ModelError, first_line

if TYPE_CHECKING:
    import onnxruntime

GRAPH_FILE = "model.onnx"
"""Where in a model's folder the network is."""
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "last_hidden_state"


class OnnxNetwork(nn.Module):
    """Compute a token's vectors by ONNX Runtime, on the processor.

    Attributes:
        config: The configuration of the network that was exported.
        file: The graph.
    """

    def __init__(self, file: Path, config: PretrainedConfig) -> None:
        """Open a graph.

        Args:
            file: The graph.
            config: The configuration of the network that was exported.

        Raises:
            ConfigError: ONNX Runtime is not installed.
            ModelError: The file is missing or damaged.
        """
        super().__init__()
        self.config = config
        self.file = file
        self._session = open_graph(file)

    @property
    def device(self) -> torch.device:
        """Tell where it computes."""
        return torch.device("cpu")

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: object) -> BaseModelOutput:
        """Compute the vectors of some texts' tokens.

        What else networks take is passed over: segments are all alike in single texts.

        Args:
            input_ids: int64 ``[texts, tokens]``.
            attention_mask: int64 ``[texts, tokens]``, 0 where a token is padding.

        Returns:
            ``last_hidden_state``, float32 ``[texts, tokens, d]``.
        """
        given = dict(zip(INPUTS, (input_ids.numpy(), attention_mask.numpy()), strict=True))
        return BaseModelOutput(last_hidden_state=torch.from_numpy(self._session.run([OUTPUT], given)[0]))

    def save_pretrained(self, folder: str, **_: object) -> None:
        """Copy the graph and the configuration.

        Args:
            folder: The folder to write into.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.file, Path(folder) / GRAPH_FILE)
        self.config.save_pretrained(folder)


class OnnxTransformer(Transformer):
    """Read a model that ``isogloss export`` wrote."""

    def _load_model(
        self,
        model_name_or_path: str,
        transformer_task: str,  # noqa: ARG002 - the arguments of sentence-transformers
        config: PretrainedConfig,
        backend: str,  # noqa: ARG002
        is_peft_model: bool,  # noqa: ARG002
        **_: object,
    ) -> PreTrainedModel:
        """Open the graph in place of weights."""
        network = OnnxNetwork(Path(model_name_or_path) / GRAPH_FILE, config)
        return cast(PreTrainedModel, network)  # it has what this module asks of one


def open_graph(file: Path) -> onnxruntime.InferenceSession:
    """Open a graph for computing, with as many threads as torch uses.

    Args:
        file: The graph.

    Returns:
        The session.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        ModelError: The file is missing or damaged.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError("exported models need onnxruntime: pip install 'isogloss[onnx]'") from error
    if not file.is_file():
        raise ModelError(f"{file}: no such file; export the model again, into a folder of this machine")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors have no common base class
        raise ModelError(f"{file}: cannot be opened ({first_line(error)}); export the model again") from error


MODULE_NAME = f"{OnnxTransformer.__module__}.{OnnxTransformer.__name__}"
"""What ``modules.json`` of an exported model calls its first module."""


def open_model(name: str, device: str | None, model_kwargs: dict[str, bool]) -> SentenceTransformer:
    """Open a model of sentence-transformers' own modules, or one that ``isogloss export`` wrote.

    Args:
        name: Folder or hub name.
        device: Where to compute; the best there is when None.
        model_kwargs: Passed to the network's loader.

    Returns:
        The model.
    """
    known = {MODULE_NAME: OnnxTransformer}
    return SentenceTransformer._load_with_module_classes(
        name, known, device=device, model_kwargs=model_kwargs
    )
