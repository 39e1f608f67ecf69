"""Writes a tiny model as llama.cpp reads it: `gguf_model.py FOLDER FILE.gguf`. Needs gguf and safetensors."""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
from safetensors.numpy import load_file


def write(folder: Path, file: Path) -> None:
    config = _read(folder / "config.json")
    writer = gguf.GGUFWriter(file, "qwen3")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(_rope_base(config))
    _add_tokenizer(writer, folder)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _rope_base(config: dict[str, Any]) -> float:
    return float(config.get("rope_theta") or config["rope_parameters"]["rope_theta"])


def _add_tokenizer(writer: Any, folder: Path) -> None:
    tokenizer = _read(folder / "tokenizer.json")
    ids: dict[str, int] = tokenizer["model"]["vocab"]
    special = {each["id"]: each["content"] for each in tokenizer["added_tokens"]}
    tokens = {number: token for token, number in ids.items()} | special
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([tokens[number] for number in range(len(tokens))])
    writer.add_token_types([control if number in special else normal for number in range(len(tokens))])
    writer.add_token_merges(
        [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    )
    writer.add_eos_token_id(next(number for number, token in special.items() if token == "<|im_end|>"))
    writer.add_pad_token_id(next(number for number, token in special.items() if token == "<|endoftext|>"))
    writer.add_chat_template((folder / "chat_template.jinja").read_text(encoding="utf-8"))


def _read(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
