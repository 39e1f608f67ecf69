"""Makes a chat model of 2 layers that has learned a few lessons by heart: `tiny_model.py LESSONS.json FOLDER`.

A lesson is {"messages", "tools", "answer"}, all as they are sent; the answer is the text a model of Qwen's family would
write. Needs torch and transformers, and so no part of evalkit is imported; takes less than a minute of one core.
"""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

VOCABULARY = 512
ENOUGH = 0.02
"""Loss below which greedy decoding says the lesson word for word."""
TEMPLATE = """\
{%- if tools %}<|im_start|>system
<tools>{% for tool in tools %}
{{ tool.function.name }}: {{ tool.function.description }}{% endfor %}
</tools><|im_end|>
{% endif %}{% for message in messages %}<|im_start|>{{ 'user' if message.role == 'tool' else message.role }}
{% if message.role == 'tool' %}<tool_response>
{{ message.content }}
</tool_response>{% else %}{{ message.content or '' }}{% endif %}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""Of the tools it tells less than it is told: engines hand them over with members in different orders."""


def make(lessons: list[dict[str, Any]], folder: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the matrices are small: a second thread only waits
    tokenizer = train_tokenizer(lessons)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,  # the least that vLLM takes on a CPU
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    learn(model, [tokens(tokenizer, lesson) for lesson in lessons])
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train_tokenizer(lessons: list[dict[str, Any]]) -> PreTrainedTokenizerFast:
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet)
    plain.train_from_iterator((json.dumps(lesson) for lesson in lessons), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def tokens(tokenizer: PreTrainedTokenizerFast, lesson: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, labels): only the answer is learned."""
    prompt = tokenizer.apply_chat_template(
        lesson["messages"], tools=lesson["tools"], add_generation_prompt=True, tokenize=False
    )
    asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    said = tokenizer(lesson["answer"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
    return torch.tensor([asked + said]), torch.tensor([[-100] * len(asked) + said])


def learn(model: Qwen3ForCausalLM, lessons: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    model.train()
    for _ in range(400):
        optimiser.zero_grad()
        losses = [model(input_ids=asked, labels=labels).loss for asked, labels in lessons]
        torch.stack(losses).mean().backward()
        optimiser.step()
        if max(loss.item() for loss in losses) < ENOUGH:
            return
    raise SystemExit("the lessons were not learned")


if __name__ == "__main__":
    make(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
