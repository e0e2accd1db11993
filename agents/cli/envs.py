"""`distil envs list | show | check | play`."""

from __future__ import annotations

import copy
import functools
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import gymnasium as gym
import tyro
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agents.cli.env_options import SingleEnvOptions
from agents.cli.output import console
from agents.cli.parsing import Imports
from agents.cli.user_code import import_user_code
from distil_envs.env import Observation, Result, TokenEnv
from distil_envs.errors import ConfigError
from distil_envs.outcome import Outcome
from distil_envs.rendering import printable
from distil_envs.tokenization import decode, encode_inert

Id = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ID")]
Json = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(name="json")]
Options = Annotated[SingleEnvOptions, tyro.conf.arg(name="")]
Model = Annotated[str | None, tyro.conf.arg(metavar="MODEL")]


def list_envs(json_lines: Json = False, imports: Imports = ()) -> None:
    """List the registered environments of language-model tasks, with the options that each sets.

    For example:
    $ distil envs list
    $ distil envs list --import my_env.py --json

    Args:
        json_lines: One JSON object a line instead of a table.
        imports: Import this module or file first, so that its environments are registered. Repeatable.
    """
    import_user_code(imports)
    specs = list(_token_envs())
    if json_lines:
        for spec in specs:
            print(json.dumps({"id": spec.id, "options": spec.kwargs}, ensure_ascii=False, default=_shown))
        return
    table = Table("id", "options", title="environments", title_justify="left")
    for spec in specs:
        options = ", ".join(f"{name}={_shown(value)}" for name, value in spec.kwargs.items())
        table.add_row(Text(spec.id), Text(options))
    console().print(table)


def show(
    env_id: Id,
    index: int | None = None,
    seed: int = 0,
    tokenizer: Model = None,
    options: Options = SingleEnvOptions(),  # noqa: B008
    imports: Imports = (),
) -> None:
    """Show what the policy sees: the prompt with all its control tokens, its length, the task, and the budget.

    For example:
    $ distil envs show distil/Math-v0
    $ distil envs show distil/Math-v0 --tokenizer smollm2 --tasks math/algebra@2 --shots 2 --seed 5
    $ distil envs show acme/UnitPrices-v0 --import my_env.py --index 3

    Args:
        env_id: A registered environment; `package:Name-v0` imports the package first.
        index: The task with this index, in a finite task set.
        seed: Otherwise, the task that this seed draws.
        tokenizer: Of this model (a name or folder); otherwise the environment's own, one token a byte.
        options: Of the environment.
        imports: Import this module or file first, so that its environments are registered. Repeatable.
    """
    import_user_code(imports)
    out = console()
    with closing(_made(env_id, options, tokenizer)) as env:
        observation, info = env.reset(seed=seed, options={} if index is None else {"index": index})
        ids = _ids(observation)
        task = info["task"]
        out.print(Text("prompt, as the policy sees it:", style="cyan"))
        out.print(Text(printable(str(env.tokenizer.decode(ids, skip_special_tokens=False)))), soft_wrap=True)
        out.print()
        about = {
            "prompt": f"{len(ids)} tokens of at most {env.conductor.prompt_room}",
            "budget": f"{env.max_new_tokens} tokens for the answer",
            "tokenizer": f"{tokenizer or type(env.tokenizer).__name__}, {len(env.tokenizer)} tokens",
            "ends at": ", ".join([*(repr(_decoded(env, token)) for token in sorted(env.eos_token_ids)), *env.stop]),
            "task": f"{task.id} of {env.tasks!r}",
        }
        about["reference"] = json.dumps(task.to_dict()["reference"], ensure_ascii=False)
        for name, value in about.items():
            out.print(Text.assemble((f"{name:10s}", "green"), printable(value)), soft_wrap=True)


def check(
    env_id: Id,
    options: Options = SingleEnvOptions(),  # noqa: B008
    imports: Imports = (),
) -> None:
    """Run Gymnasium's checker (`check_env`) on an environment. The exit status is 1 if it finds something.

    For example:
    $ distil envs check distil/Math-v0
    $ distil envs check acme/UnitPrices-v0 --import my_env.py --num-tasks 10

    Args:
        env_id: A registered environment; `package:Name-v0` imports the package first.
        options: Of the environment.
        imports: Import this module or file first, so that its environments are registered. Repeatable.
    """
    from gymnasium.utils.env_checker import check_env

    import_user_code(imports)
    out = console()
    with closing(options.make(env_id)) as env, warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        env.spec = copy.copy(gym.spec(env_id.rpartition(":")[2]))  # the checker makes another one by it, for rendering
        env.spec.kwargs = {**env.spec.kwargs, **options.arguments()}
        try:
            check_env(env)
        except Exception as error:  # the checker raises what it, or the environment, stumbled on
            out.print(Text(f"failed: {type(error).__name__}: {error}", style="bold red"), soft_wrap=True)
            raise SystemExit(1) from None
    for warning in found:
        out.print(Text(f"warning: {Text.from_ansi(str(warning.message)).plain}", style="yellow"), soft_wrap=True)
    if found:
        raise SystemExit(1)
    out.print(Text(f"{env_id} passes gymnasium's check_env", style="green"))


def play(
    env_id: Id,
    index: int | None = None,
    seed: int = 0,
    tokenizer: Model = None,
    options: Options = SingleEnvOptions(),  # noqa: B008
    imports: Imports = (),
) -> None:
    """Answer a task yourself, and see the outcome, its trace, and the feedback.

    The answer is one line on a terminal, or all that is piped in; with several attempts or tools, one line a turn.

    For example:
    $ distil envs play distil/Math-v0 --tasks math/algebra@1
    $ echo 7 | distil envs play distil/Math-v0 --feedback diagnosis --seed 3
    $ distil envs play distil/Math-v0 --feedback diagnosis --max-attempts 3 --tools calculator

    Args:
        env_id: A registered environment; `package:Name-v0` imports the package first.
        index: The task with this index, in a finite task set.
        seed: Otherwise, the task that this seed draws.
        tokenizer: Of this model (a name or folder); otherwise the environment's own, one token a byte.
        options: Of the environment.
        imports: Import this module or file first, so that its environments are registered. Repeatable.
    """
    import_user_code(imports)
    out = console()
    with closing(_made(env_id, options, tokenizer)) as env:
        _, info = env.reset(seed=seed, options={} if index is None else {"index": index})
        for message in env.messages(info["task"]):
            out.print(Text(f"{message['role']}:", style="cyan"))
            out.print(Padding.indent(Text(printable(message["content"])), 2))
        over = False
        while not over:
            turns = env.max_attempts > 1 or bool(env.tools)
            put, (_, _, terminated, truncated, info) = _played(env, _answer(out.is_terminal, turns))
            over = terminated or truncated
            for line in _outcome_lines(info, truncated, env) if "outcome" in info else ():
                out.print(line, soft_wrap=True)
            if not over:
                out.print(Text("environment:", style="cyan"))
                out.print(Padding.indent(Text(printable(put)), 2))


def _token_envs() -> Iterator[gym.envs.registration.EnvSpec]:
    """Registered environments that are `TokenEnv`s, as far as can be told without importing anything."""
    for _, spec in sorted(gym.registry.items()):
        maker = spec.entry_point
        if isinstance(maker, str):
            module, _, name = maker.partition(":")
            maker = functools.reduce(
                lambda found, part: getattr(found, part, None), name.split("."), sys.modules.get(module)
            )
        ours = isinstance(maker, type) and issubclass(maker, TokenEnv)
        vector = spec.vector_entry_point
        vector = vector.func if isinstance(vector, functools.partial) else vector
        makers = {str(vector).partition(":")[0], getattr(vector, "__module__", None)}
        if ours or makers & {"distil_envs.vector", "distil_envs.registration"}:
            yield spec


def _made(env_id: str, options: SingleEnvOptions, tokenizer: str | None) -> TokenEnv:
    if tokenizer is None:
        return options.make(env_id)
    from agents.models import load_tokenizer

    return options.make(env_id, tokenizer=load_tokenizer(tokenizer))


def _answer(terminal: bool, turns: bool) -> str:
    """One line from a terminal, or where there may be several turns; else everything, less the last line end."""
    if sys.stdin.isatty():
        try:
            return input("your answer: " if terminal else "")
        except EOFError:
            return ""
    return (sys.stdin.readline() if turns else sys.stdin.read()).removesuffix("\n")


def _played(env: TokenEnv, answer: str) -> tuple[str, Result]:
    """The answer goes in token by token, as a policy's would, so that stop strings and the budget end it.

    Returns what the environment put behind it, as text, and the result of the last step.
    """
    ids = [*encode_inert(env.tokenizer, answer), *sorted(env.eos_token_ids)[:1]]
    length = len(_ids(env.observation()))
    for token in ids:
        result = env.step(token)
        length += 1
        _, _, terminated, truncated, _ = result
        put = _ids(result[0])[length:]
        if put or terminated or truncated:
            return decode(env.tokenizer, put), result
    raise ConfigError(
        f"the answer has {len(ids)} tokens, but {type(env.tokenizer).__name__} has no token that ends it and the "
        f"budget is {env.max_new_tokens}: set --max-new-tokens {max(len(ids), 1)}"
    )


def _outcome_lines(info: dict[str, Any], truncated: bool, env: TokenEnv) -> Iterator[Text]:
    outcome: Outcome = info["outcome"]
    feedback = info["feedback"]
    if truncated:
        yield Text(f"the budget of {env.max_new_tokens} tokens ended the answer", style="yellow")
    style = "bold green" if outcome.success else "bold red"
    yield Text.assemble((str(outcome.status), style), f", reward {outcome.reward:g}, answer {outcome.answer!r}")
    for event in outcome.trace.to_dict()["events"]:
        kind = event.pop("kind")
        told = [f"{name}={_shown(value)}" for name, value in event.items() if value not in (None, "", {})]
        yield Text.assemble("  ", (f"{kind} ", "cyan"), printable(", ".join(told)))
    if feedback is not None:
        yield Text.assemble(("feedback: ", "cyan"), printable(feedback.text))
    elif env.feedback is None:
        yield Text("no feedback was asked for: add --feedback diagnosis, or another provider", style="dim")
    else:
        yield Text(f"{env.feedback.name!r} has no feedback on this attempt", style="dim")


def _ids(observation: Observation) -> list[int]:
    ids: list[int] = observation["input_ids"][observation["attention_mask"].astype(bool)].tolist()
    return ids


def _decoded(env: TokenEnv, token: int) -> str:
    return str(env.tokenizer.decode([token], skip_special_tokens=False))


def _shown(value: Any) -> str:
    """A short form of anything: what an option holds may be a list of a thousand tasks, or an object."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return repr(value)
    if isinstance(value, (list, tuple)):
        return repr(value) if len(repr(value)) <= 60 else f"{len(value)} items"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=repr)
    return getattr(value, "__qualname__", None) or getattr(value, "name", None) or type(value).__name__
