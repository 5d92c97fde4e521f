"""Fine-tune an encoder on planned batches with the sentence-transformers trainer.

Nothing is imported here, so that a plan can be shown without loading torch.
"""
