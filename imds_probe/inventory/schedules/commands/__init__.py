"""From a command, as a schedule has it, to the programs and scripts that it would start. Nothing is executed."""
