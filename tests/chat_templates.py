"""Chat templates in the manner of the families in use: our own words, their behaviour.

Each does to a chat what the template of that family does: what it strips, moves, cuts or refuses, how it writes tools,
calls and results, and what opens and closes a turn. Texts that only instruct a model are short here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distil_envs.byte_tokenizer import CHATML


@dataclass(frozen=True)
class Template:
    """A chat template and what a tokenizer must know for it."""

    source: str
    """Jinja, for the environment of transformers (``trim_blocks`` and ``lstrip_blocks``)."""
    controls: tuple[str, ...]
    """Special tokens that it writes; `eos` is among them."""
    eos: str
    """The token that closes the assistant's turn."""
    tags: tuple[str, ...] = ()
    """Tokens that are added, but not special."""
    thinks: bool = False
    """Whether it knows ``<think>…</think>`` and leaves it out of earlier turns."""
    shows_tools: bool = False
    """Whether it shows the variable ``tools``."""
    role_of_results: str | None = None
    """The role whose messages it takes, with role and content alone, as results of tools. None: it takes none."""
    takes_system: bool = True
    """Whether it takes a system message."""
    stable: bool = True
    """Whether an answer stands right behind what opened its turn in later turns too, if there is no system message."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Variables that it needs."""


_TURN = ("<|im_start|>", "<|im_end|>")
_THINK = ("<think>", "</think>")
_CALL = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
_MISTRAL_TURN = ("<s>", "</s>", "[INST]", "[/INST]")
_MISTRAL_TOOLS = ("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]")
_R1_TURN = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>")
_R1_CALL = (
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁sep｜>",
)
_R1_RESULT = ("<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>", "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>")

# A chat without a system message gets one.
_SMOLLM2 = """\
{% for message in messages %}
{% if loop.first and message['role'] != 'system' %}
{{ '<|im_start|>system\n' + 'You are helpful.<|im_end|>\n' }}
{%- endif %}
{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

# Tags are plain text, not tokens; every turn is closed by the EOS.
_ZEPHYR = """\
{% for message in messages %}
{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"""

# White space before the closing token, contents stripped, the system message inside the first user message, no opening
# of the assistant's turn.
_LLAMA2 = """\
{%- set rest = messages[1:] if messages[0]['role'] == 'system' else messages %}
{%- for message in rest %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('user and assistant must take turns') }}
{%- endif %}
{%- if message['role'] == 'user' %}
{%- set before = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' if loop.first and rest != messages else '' %}
{{- '<s>[INST] ' + (before + message['content']) | trim + ' [/INST]' }}
{%- else %}
{{- ' ' + message['content'] | trim + ' </s>' }}
{%- endif %}
{%- endfor %}"""

# Contents are stripped, tools stand in the first user message, results are JSON strings.
_LLAMA31 = """\
{{- '<|begin_of_text|>' }}
{%- if messages[0]['role'] == 'system' %}
{%- set system, rest = messages[0]['content'] | trim, messages[1:] %}
{%- else %}
{%- set system, rest = '', messages %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}
{%- if tools %}{{- 'Environment: ipython\n' }}{% endif %}
{{- 'Today: 1 January 2025\n\n' + system + '<|eot_id|>' }}
{%- if tools %}
{{- '<|start_header_id|>user<|end_header_id|>\n\nCall a function by JSON with the keys name and parameters.\n\n' }}
{%- for tool in tools %}{{- tool | tojson(indent=4) + '\n\n' }}{% endfor %}
{{- rest[0]['content'] | trim + '<|eot_id|>' }}
{%- set rest = rest[1:] %}
{%- endif %}
{%- for message in rest %}
{%- if 'tool_calls' in message %}
{%- if message.tool_calls | length != 1 %}{{- raise_exception('one call a turn') }}{% endif %}
{%- set call = message.tool_calls[0].function %}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + call.name + '", "parameters": ' }}
{{- call.arguments | tojson + '}<|eot_id|>' }}
{%- elif message.role == 'tool' or message.role == 'ipython' %}
{{- '<|start_header_id|>ipython<|end_header_id|>\n\n' }}
{{- message.content | tojson if message.content is iterable else message.content }}
{{- '<|eot_id|>' }}
{%- else %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""

# System message and tools stand in the last user message, results need an id of the call, no opening of the
# assistant's turn.
_MISTRAL3 = """\
{%- if messages[0]['role'] == 'system' %}
{%- set system, rest = messages[0]['content'], messages[1:] %}
{%- else %}
{%- set rest = messages %}
{%- endif %}
{%- set last = rest | selectattr('role', 'equalto', 'user') | list | last %}
{%- set turns = namespace(count=0) %}
{%- for message in rest %}
{%- if message.role == 'user' or (message.role == 'assistant' and message.tool_calls is not defined) %}
{%- if (message.role == 'user') != (turns.count % 2 == 0) %}
{{- raise_exception('user and assistant must take turns') }}
{%- endif %}
{%- set turns.count = turns.count + 1 %}
{%- endif %}
{%- endfor %}
{{- '<s>' }}
{%- for message in rest %}
{%- if message.role == 'user' %}
{%- if tools and message == last %}
{{- '[AVAILABLE_TOOLS] ' + tools | tojson + '[/AVAILABLE_TOOLS]' }}
{%- endif %}
{{- '[INST] ' + (system + '\n\n' if loop.last and system is defined else '') + message.content + '[/INST]' }}
{%- elif message.tool_calls is defined %}
{{- '[TOOL_CALLS] [' }}
{%- for call in message.tool_calls %}
{%- if call.id | length != 9 %}{{- raise_exception('the id of a call has 9 characters') }}{% endif %}
{{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' + (']</s>' if loop.last else ', ') }}
{%- endfor %}
{%- elif message.role == 'assistant' %}
{{- ' ' + message.content | trim + '</s>' }}
{%- elif message.role == 'tool' %}
{%- if message.tool_call_id | length != 9 %}{{- raise_exception('the id of a call has 9 characters') }}{% endif %}
{{- '[TOOL_RESULTS] {"content": ' + message.content + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
{%- else %}
{{- raise_exception('unknown role ' + message.role) }}
{%- endif %}
{%- endfor %}"""

# No system message, the assistant is the model, contents are stripped.
_GEMMA = """\
{{ '<bos>' }}
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('no system message here') }}{% endif %}
{%- for message in messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('user and assistant must take turns') }}
{%- endif %}
{{- '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}
{{- message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\n' }}{% endif %}"""

_HERMES_SYSTEM = """\
{%- if tools %}
{{- '<|im_start|>system\n' + (messages[0].content + '\n\n' if messages[0].role == 'system' else '') }}
{{- '# Tools\n\n<tools>' }}
{%- for tool in tools %}{{- '\n' + tool | tojson }}{% endfor %}
{{- '\n</tools>\n\nCall one by JSON with the keys name and arguments:\n<tool_call>\n' }}
{{- '{"name": <name>, "arguments": <object>}\n</tool_call><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}"""
_HERMES_CALLS = """\
{%- for call in message.tool_calls or [] %}
{%- set call = call.function or call %}
{{- '\n' if not loop.first or message.content else '' }}
{{- '<tool_call>\n{"name": "' + call.name + '", "arguments": ' }}
{{- (call.arguments if call.arguments is string else call.arguments | tojson) + '}\n</tool_call>' }}
{%- endfor %}"""

# Results keep a role of their own; several share a turn.
_HERMES = (
    _HERMES_SYSTEM
    + """\
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- '<|im_start|>assistant\n' + (message.content or '') }}"""
    + _HERMES_CALLS
    + """
{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>tool\n' if loop.previtem is not defined or loop.previtem.role != 'tool' else '' }}
{{- '<tool_response>\n' + message.content + '\n</tool_response>' }}
{{- '<|im_end|>\n' if loop.last or loop.nextitem.role != 'tool' else '\n' }}
{%- elif message.role == 'user' or not loop.first %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}"""
)

# Thoughts before the last question are left out, the last turn of the assistant has some if only empty ones, results
# stand in a turn of the user.
_QWEN3 = (
    _HERMES_SYSTEM
    + """\
{%- set question = namespace(at=messages | length - 1) %}
{%- for message in messages %}
{%- if message.role == 'user' and not message.content.startswith('<tool_response>') %}
{%- set question.at = loop.index0 %}
{%- endif %}
{%- endfor %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- elif message.role == 'assistant' %}
{%- set thought, said = '', message.content or '' %}
{%- if '</think>' in said %}
{%- set thought = said.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
{%- set said = said.split('</think>')[-1].lstrip('\n') %}
{%- endif %}
{{- '<|im_start|>assistant\n' }}
{%- if loop.index0 > question.at and (loop.last or thought) %}
{{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' + said.lstrip('\n') }}
{%- else %}
{{- said }}
{%- endif %}"""
    + _HERMES_CALLS
    + """
{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user' if loop.first or loop.previtem.role != 'tool' else '' }}
{{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
{{- '<|im_end|>\n' if loop.last or loop.nextitem.role != 'tool' else '' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' + (opening or '') }}
{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""
)

# Calls and their arguments as tags.
_QWEN3_CODER = """\
{%- if tools %}
{{- '<|im_start|>system\n' + (messages[0].content if messages[0].role == 'system' else 'You are helpful.') }}
{{- '\n\n# Tools\n\n<tools>' }}
{%- for tool in tools %}
{{- '\n<function>\n<name>' + tool.function.name + '</name>\n<description>' + tool.function.description | trim }}
{{- '</description>\n<parameters>\n' + tool.function.parameters | tojson + '\n</parameters>\n</function>' }}
{%- endfor %}
{{- '\n</tools>\n\nCall one so:\n<tool_call>\n<function=name>\n<parameter=key>\nvalue\n</parameter>\n' }}
{{- '</function>\n</tool_call><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- '<|im_start|>assistant\n' + (message.content or '') | trim }}
{%- for call in message.tool_calls or [] %}
{%- set call = call.function or call %}
{{- '\n<tool_call>\n<function=' + call.name + '>\n' }}
{%- for key, value in call.arguments | items %}
{{- '<parameter=' + key + '>\n' }}
{{- (value | tojson if value is mapping or value is sequence and value is not string else value | string) }}
{{- '\n</parameter>\n' }}
{%- endfor %}
{{- '</function>\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\n' if loop.first or loop.previtem.role != 'tool' else '' }}
{{- '<tool_response>\n' + message.content + '\n</tool_response>\n' }}
{{- '<|im_end|>\n' if loop.last or loop.nextitem.role != 'tool' else '' }}
{%- elif message.role == 'user' or not loop.first %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{% endif %}"""

# The thought is opened for the policy and cut from earlier turns; nothing stands between turns; after results the
# assistant's turn goes on without being opened; only the first result of a chat opens the block of results.
_DEEPSEEK_R1 = """\
{%- set state = namespace(results=false, first=true, system='') %}
{%- for message in messages if message.role == 'system' %}{% set state.system = message.content %}{% endfor %}
{{- '<｜begin▁of▁sentence｜>' + state.system }}
{%- for message in messages %}
{%- if message.role == 'user' %}
{%- set state.results = false %}
{{- '<｜User｜>' + message.content }}
{%- elif message.role == 'assistant' and message.content is none %}
{%- set state.results = false %}
{{- '<｜Assistant｜><｜tool▁calls▁begin｜>' }}
{%- for call in message.tool_calls %}
{{- '' if loop.first else '\n' }}
{{- '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name + '\n```json\n' }}
{{- call.function.arguments + '\n```<｜tool▁call▁end｜>' }}
{%- endfor %}
{{- '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}
{%- elif message.role == 'assistant' %}
{{- '<｜tool▁outputs▁end｜>' + message.content if state.results
    else '<｜Assistant｜>' + message.content.split('</think>')[-1] }}
{{- '<｜end▁of▁sentence｜>' }}
{%- set state.results = false %}
{%- elif message.role == 'tool' %}
{{- '<｜tool▁outputs▁begin｜>' if state.first else '\n' }}
{{- '<｜tool▁output▁begin｜>' + message.content + '<｜tool▁output▁end｜>' }}
{%- set state.results, state.first = true, false %}
{%- endif %}
{%- endfor %}
{%- if state.results %}{{- '<｜tool▁outputs▁end｜>' }}
{%- elif add_generation_prompt %}{{- '<｜Assistant｜><think>\n' }}{% endif %}"""

TEMPLATES: dict[str, Template] = {
    "chatml": Template(CHATML, _TURN, "<|im_end|>", role_of_results="tool"),
    "smollm2": Template(_SMOLLM2, _TURN, "<|im_end|>", role_of_results="tool"),
    "zephyr": Template(_ZEPHYR, ("<s>", "</s>"), "</s>", role_of_results="tool"),
    "llama-2": Template(_LLAMA2, ("<s>", "</s>"), "</s>", stable=False),
    "llama-3.1": Template(
        _LLAMA31,
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>"),
        "<|eot_id|>",
        shows_tools=True,
        role_of_results="tool",
    ),
    "mistral-v3": Template(
        _MISTRAL3,
        (*_MISTRAL_TURN, *_MISTRAL_TOOLS),
        "</s>",
        shows_tools=True,
        stable=False,
    ),
    "gemma": Template(
        _GEMMA, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<end_of_turn>", takes_system=False
    ),
    "hermes": Template(_HERMES, _TURN, "<|im_end|>", _CALL, shows_tools=True, role_of_results="tool"),
    "qwen3": Template(
        _QWEN3, _TURN, "<|im_end|>", (*_THINK, *_CALL), thinks=True, shows_tools=True, role_of_results="tool"
    ),
    "qwen3-silent": Template(
        _QWEN3,
        _TURN,
        "<|im_end|>",
        (*_THINK, *_CALL),
        thinks=True,
        shows_tools=True,
        role_of_results="tool",
        stable=False,
        options={"enable_thinking": False},
    ),
    "qwen3-thinking": Template(
        _QWEN3,
        _TURN,
        "<|im_end|>",
        (*_THINK, *_CALL),
        thinks=True,
        shows_tools=True,
        role_of_results="tool",
        stable=False,
        options={"opening": "<think>\n"},
    ),
    "qwen3-coder": Template(_QWEN3_CODER, _TURN, "<|im_end|>", _CALL, shows_tools=True, role_of_results="tool"),
    "deepseek-r1": Template(
        _DEEPSEEK_R1,
        (*_R1_TURN, *_R1_CALL, *_R1_RESULT),
        "<｜end▁of▁sentence｜>",
        _THINK,
        thinks=True,
        role_of_results="tool",
        stable=False,
    ),
}
