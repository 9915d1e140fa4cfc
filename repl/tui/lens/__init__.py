"""The lens: the candidates for one token as bars."""
