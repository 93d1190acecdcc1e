"""From photographs to light: the network asked, its answers turned into the photograph's frame, joined."""
