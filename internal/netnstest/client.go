package netnstest

// Client is Do for the client's namespace.
func (n *Net) Client(f func() error) error { return inside(n.client, f) }
