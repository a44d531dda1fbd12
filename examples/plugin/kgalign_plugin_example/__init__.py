"""One of each that a package can bring: a channel, a kind of value, a judge, a policy, a format."""
