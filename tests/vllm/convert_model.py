"""Turns the embedded model's GGUF file into the folder of BF16 weights that vLLM reads.

Run by vLLM's own interpreter: `python tests/vllm/convert_model.py MODEL.gguf FOLDER`.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM


def convert(model: Path, folder: Path) -> None:
    """Read the quantised weights as plain ones and save them with the tokenizer."""
    source = {"pretrained_model_name_or_path": model.parent, "gguf_file": model.name}
    quantised = AutoModelForCausalLM.from_pretrained(**source)
    config = quantised.config
    if hasattr(config, "quantization_config"):
        # Or what reads the folder takes its weights for quantised.
        del config.quantization_config
    plain = LlamaForCausalLM(config).to(torch.bfloat16)
    plain.load_state_dict(quantised.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**source).save_pretrained(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
