"""Completion for bash, zsh and fish, made from the same options that --help shows.

Each shell has its file in the place where it looks for those of packages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import completion_fish
import completion_zsh
from command_line import Command, commands

from imds_probe.commands import COMMANDS

SCRIPT = """\
# bash completion for imds-probe
_imds_probe() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local options= values= listed= words= command= word before
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
    if [ -n "$listed" ] && [ "${{current%,*}}" != "$current" ]; then
        before=${{current%,*}},
        COMPREPLY=($(compgen -P "$before" -W "$values" -- "${{current##*,}}"))
    elif [ -n "$values" ]; then
        COMPREPLY=($(compgen -W "$values" -- "$current"))
    elif [ -z "$command" ] || [ "${{current#-}}" != "$current" ]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$current"; compgen -f -- "$current"; :))
    fi
}}
complete -o filenames -o bashdefault -F _imds_probe imds-probe
"""


def script() -> str:
    """The text of the file that bash reads."""
    named, choices = [], []
    for command in commands():
        options = sorted(name for option in command.options for name in option.names)
        named.append(f'    {command.name}) options="{" ".join(options)}" ;;')
        choices += _choices(command)
    top = " ".join(["--help", "--version", *COMMANDS])
    return SCRIPT.format(top=top, commands="\n".join(named), choices="\n".join(choices))


def _choices(command: Command) -> list[str]:
    """What completes after an option, and right after the command."""
    found = []
    for option in command.options:
        if option.values:
            patterns = "|".join(f"{command.name}{name}" for name in option.names)
            listed = " listed=1" if option.listed else ""
            found.append(f'    {patterns}) values="{" ".join(option.values)}"{listed} ;;')
    first = [*command.words, *(value for each in command.positional[:1] for value in each.values)]
    if first:
        found.append(f'    {command.name}{command.name}) words="{" ".join(first)}" ;;')
    return found


# By the path of the file on a host.
FILES: Mapping[str, Callable[[], str]] = {
    "usr/share/bash-completion/completions/imds-probe": script,
    "usr/share/zsh/vendor-completions/_imds-probe": completion_zsh.script,
    "usr/share/fish/vendor_completions.d/imds-probe.fish": completion_fish.script,
}
