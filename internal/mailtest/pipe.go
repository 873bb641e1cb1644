package mailtest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Pipe is a network within the process, for tests with a clock of their own: a
// listener, and the way to dial it.
type Pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	down  error
	dials int
}

// NewPipe returns a network on which nobody listens yet.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Break has dialing fail with err, nil for no more.
func (p *Pipe) Break(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
}

// Dials counts the connections that were tried.
func (p *Pipe) Dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// Dial connects to who accepts next.
func (p *Pipe) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	p.dials++
	down := p.down
	p.mu.Unlock()
	if down != nil {
		return nil, down
	}
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for a connection.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, errors.New("the listener is closed")
	}
}

// Close ends Accept.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is a name.
func (p *Pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
