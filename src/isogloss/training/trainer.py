"""The stock trainer, changed in what it does around the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from transformers import Trainer

from isogloss.training.callbacks import wait_for_all


class PlannedTrainer(SentenceTransformerTrainer):
    """Differ from the stock trainer in what it does around the steps.

    It leaves out the model card, which samples and plans a thousand rows before the first step; it keeps the
    processes together while they write a checkpoint; resumed from a checkpoint of the last step it trains no
    further one; it fails where the best model cannot be loaded; and it saves and loads models in shards.
    """

    whole: SentenceTransformer | None = None
    """A copy that takes the weights of a model in shards where they are saved; the first process has it."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add nothing."""

    def _run_epoch(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Train an epoch, unless the run had reached its end and was killed before its model was written."""
        stored = cast("dict[str, Any]", self.state.stateful_callbacks).get("TrainerControl", {})
        if stored.get("args", {}).get("should_training_stop"):
            self.control.should_training_stop = True
            return
        super()._run_epoch(*arguments, **options)  # type: ignore[no-untyped-call]

    def _save_rng_state(self, output_dir: str) -> None:
        """Complete no checkpoint, and remove none, before all processes have written their part of it."""
        super()._save_rng_state(output_dir)
        wait_for_all()

    def gather_model(self) -> SentenceTransformer:
        """Give the trained model, put together where it is in shards; all processes call this.

        Returns:
            The model; of one in shards, processes other than the first have no more than their shards.
        """
        if not self.is_fsdp_enabled:
            return self.model
        weights = self.accelerator.get_state_dict(self.model)
        if self.whole is None:
            return self.model
        self.whole.load_state_dict(weights)
        return self.whole

    def _save(
        self, output_dir: str | None = None, state_dict: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        """Write the model; of one in shards, the first process alone, and all processes call this."""
        if not self.is_fsdp_enabled:
            super()._save(output_dir, state_dict)
        elif self.whole is not None:
            self.whole.load_state_dict(state_dict or {})
            self.whole.save_pretrained(output_dir or str(self.args.output_dir))

    def _load_from_checkpoint(self, checkpoint_path: str, model: torch.nn.Module | None = None) -> None:
        """Load weights; sentence-transformers does not know models in shards, the trainer beneath it does."""
        if self.is_fsdp_enabled:
            Trainer._load_from_checkpoint(self, checkpoint_path, model)
        else:
            super()._load_from_checkpoint(checkpoint_path)

    def _load_best_model(self) -> None:
        """Load the best model; the stock trainer goes on with the last one where that fails."""
        self._load_from_checkpoint(str(self.state.best_model_checkpoint))
