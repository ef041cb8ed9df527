"""Completion for bash, made from the same options that --help shows."""

from __future__ import annotations

import argparse
import importlib

from imds_probe.commands import COMMANDS
from imds_probe.sinks import SINKS

# What options take that argparse knows no choices of: these take several, by commas.
NAMES = {"--report": tuple(SINKS)}

SCRIPT = """\
# bash completion for imds-probe
_imds_probe() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} options= values= command= word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in -*) ;; *) command=$word; break ;; esac
    done
    case $command in
    "") options="{top}" ;;
{commands}
    esac
    case $command$previous in
{choices}
    esac
    if [ -n "$values" ]; then
        COMPREPLY=($(compgen -W "$values" -- "$current"))
    elif [ -z "$command" ] || [ "${{current#-}}" != "$current" ]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -o bashdefault -F _imds_probe imds-probe
"""


def script() -> str:
    """The text of the file that bash reads."""
    commands, choices = [], []
    for name in COMMANDS:
        parser = argparse.ArgumentParser(prog=name)
        importlib.import_module(f"imds_probe.commands.{name}").add_arguments(parser)
        options = sorted(option for action in parser._actions for option in action.option_strings)
        commands.append(f'    {name}) options="{" ".join(options)}" ;;')
        for action in parser._actions:
            values = action.choices or next((NAMES[each] for each in action.option_strings if each in NAMES), ())
            if values:
                patterns = "|".join(f"{name}{option}" for option in action.option_strings)
                choices.append(f'    {patterns}) values="{" ".join(map(str, values))}" ;;')
    top = " ".join(["--help", "--version", *COMMANDS])
    return SCRIPT.format(top=top, commands="\n".join(commands), choices="\n".join(choices))
