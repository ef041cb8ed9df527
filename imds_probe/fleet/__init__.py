"""Many reports, one picture: which hosts may be switched, what holds the others back, and in which order to go on."""
