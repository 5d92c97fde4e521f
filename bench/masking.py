"""Measure what grouping rows of like length saves in masking: padding, and processor time a step.

Without a file the texts are those of the demonstration's corpus. Nothing is downloaded.

With your own:  python bench/masking.py pretrain.toml
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from torch.utils.data import DataLoader, RandomSampler, Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler

from isogloss.config import parse_config, read_toml
from isogloss.demo_corpus import write_demo_corpus
from isogloss.pretraining.balance import balance_lines
from isogloss.pretraining.encoder import new_encoder, train_tokenizer
from isogloss.pretraining.masked_language import Masks, list_rows, model_masked_language
from isogloss.pretraining.settings import EncoderShape, MaskingSettings, PretrainConfig, TextSettings
from isogloss.pretraining.text import read_text
from isogloss.training.callbacks import calm_libraries


def read_settings(file: Path | None, folder: Path) -> PretrainConfig:
    """Read the settings of a pre-training, or make some for the demonstration's text."""
    if file is not None:
        return parse_config(PretrainConfig, read_toml(file), str(file))
    text = TextSettings(str(write_demo_corpus(folder / "corpus").bitext))
    return PretrainConfig(
        texts=(text,), encoder=EncoderShape(vocabulary=6000, length=64), masking=MaskingSettings(batch=64)
    )


def main() -> None:
    """Print a line for either order of the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, nargs="?", help="settings of a pre-training")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    parser.add_argument("--batches", type=int, default=100, help="batches whose padding is counted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isogloss-") as scratch, calm_libraries():
        config = read_settings(arguments.config, Path(scratch))
        texts = [text for settings in config.texts for text in read_text(settings)]
        lines = balance_lines(texts, config.language_exponent)
        shape = config.encoder
        tokenizer = train_tokenizer(lines, shape.vocabulary, shape.length, shape.tokenizer)
        batch = config.masking.batch
        counted = replace(config, masking=replace(config.masking, steps=arguments.batches))
        rows = list_rows(texts, tokenizer, counted, shape.length)
        samplers: dict[bool, Sampler[int]] = {
            False: RandomSampler(rows),
            True: LengthGroupedSampler(batch, rows),
        }
        print(f"at most {shape.length} tokens, {batch} rows a batch, {len(tokenizer):,} pieces")
        for grouped, sampler in samplers.items():
            loader = DataLoader(rows, batch, sampler=sampler, collate_fn=Masks(tokenizer, config.seed))
            masks = [part["attention_mask"] for part in loader]
            padding = 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)
            timed = replace(
                config,
                checkpoint_steps=0,
                masking=replace(config.masking, steps=arguments.steps, group_lengths=grouped),
            )
            encoder = new_encoder(tokenizer, shape, config.seed)
            start = time.process_time()
            model_masked_language(encoder, tokenizer, texts, timed, Path(scratch) / f"grouped-{grouped}")
            seconds = (time.process_time() - start) / arguments.steps
            print(f"group_lengths = {str(grouped).lower():5}  padding {padding:5.1%}  {seconds:.3f} s a step")


if __name__ == "__main__":
    main()
