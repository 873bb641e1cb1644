package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"f2b-go/control/pickle"
)

// closeMark is the message with which a client says goodbye (5.4.5).
const closeMark = "<F2B_CLOSE_COMMAND>"

// Limits of the socket. The zero value means the defaults.
type Limits struct {
	Clients int           // connections at once; default 4096
	Partial time.Duration // longest silence inside a request; default 60 s
	Write   time.Duration // longest wait for a client to take a reply; default 30 s
}

func (l *Limits) fill() {
	if l.Clients == 0 {
		l.Clients = 4096
	}
	if l.Partial == 0 {
		l.Partial = time.Minute
	}
	if l.Write == 0 {
		l.Write = 30 * time.Second
	}
}

// Handler answers one request, a list of words, with a value that can be
// pickled. It is called from several goroutines.
type Handler func(ctx context.Context, request any) (reply any)

// Server serves requests on a socket.
type Server struct {
	handle Handler
	log    *slog.Logger // fail2ban.asyncserver
	limits Limits

	// group's members may ask what visitor answers; noGroup for nobody.
	group   int
	visitor Handler

	mu      sync.Mutex
	clients map[*client]bool
	closing bool
	work    sync.WaitGroup
}

// client is one connection; busy while a request of it is under way.
type client struct {
	conn *net.UnixConn
	busy bool
}

// NewServer returns a server that hands requests to handle.
func NewServer(handle Handler, log *slog.Logger, limits Limits) *Server {
	limits.fill()
	return &Server{handle: handle, log: log, limits: limits, group: noGroup, clients: map[*client]bool{}}
}

// Admit lets the members of a group in; their requests go to handle. It is
// called before Serve.
func (s *Server) Admit(group int, handle Handler) { s.group, s.visitor = group, handle }

// handlerFor is what answers a client's requests; an error says that it may ask
// nothing.
func (s *Server) handlerFor(conn *net.UnixConn) (Handler, error) {
	r, who, err := rightsOf(conn, s.group)
	switch {
	case err != nil:
		return nil, err
	case r == rightsAll:
		return s.handle, nil
	case r == rightsRead:
		return s.visitor, nil
	}
	return nil, errors.New(who + " may not give commands")
}

// Serve accepts clients until the listener is closed; it does not wait for
// them, Shutdown does. ctx is given to the handler.
func (s *Server) Serve(ctx context.Context, ln *net.UnixListener) error {
	for {
		conn, err := ln.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			// Too many open files, say: others go on, so does the server.
			s.log.Warn("Accept socket error: " + err.Error())
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		s.welcome(ctx, conn)
	}
}

func (s *Server) welcome(ctx context.Context, conn *net.UnixConn) {
	c := &client{conn: conn}
	s.mu.Lock()
	full := s.closing || len(s.clients) >= s.limits.Clients
	if !full {
		s.clients[c] = true
		s.work.Add(1)
	}
	s.mu.Unlock()
	if full {
		_ = conn.Close()
		return
	}
	go func() {
		defer s.work.Done()
		s.talk(ctx, c)
		s.mu.Lock()
		delete(s.clients, c)
		s.mu.Unlock()
		_ = conn.Close()
	}()
}

// Shutdown closes idle connections at once and the others when their reply is
// written, at the latest when ctx ends; then it waits for all.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for c := range s.clients {
		if !c.busy {
			_ = c.conn.Close()
		}
	}
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.clients {
			_ = c.conn.Close()
		}
	})
	defer stop()
	s.work.Wait()
}

// setBusy notes that a request begins or ends; false means that the
// connection shall end.
func (s *Server) setBusy(c *client, busy bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.busy = busy
	return !s.closing
}

// talk reads requests one after the other and answers each.
func (s *Server) talk(ctx context.Context, c *client) {
	handle, err := s.handlerFor(c.conn)
	if err != nil {
		s.log.Warn("Connection refused: " + err.Error())
		_ = s.send(c.conn, "ERROR: "+err.Error())
		return
	}
	in := reader{conn: c.conn, partial: s.limits.Partial}
	for {
		msg, err := in.next()
		if errors.Is(err, pickle.ErrLimit) {
			s.log.Error("PROTO-error: load message failed: " + err.Error())
			_ = s.send(c.conn, "ERROR: "+err.Error())
		}
		if err != nil || string(msg) == closeMark {
			return
		}
		s.setBusy(c, true)
		err = s.send(c.conn, s.answer(ctx, handle, msg))
		if !s.setBusy(c, false) || err != nil {
			return
		}
	}
}

// answer turns a pickled request into a reply.
func (s *Server) answer(ctx context.Context, handle Handler, msg []byte) (reply any) {
	request, err := pickle.Decode(msg)
	if err != nil {
		s.log.Error("PROTO-error: load message failed: " + err.Error())
		return "ERROR: " + err.Error()
	}
	defer func() {
		// A fault in one command must not end the server and its bans.
		if r := recover(); r != nil {
			s.log.Error(fmt.Sprintf("Caught unhandled exception: %v", r))
			reply = fmt.Sprintf("ERROR: %v", r)
		}
	}()
	return handle(ctx, request)
}

// send writes a reply in one piece: some clients take the first read for the
// whole (FIELD D.0).
func (s *Server) send(conn *net.UnixConn, reply any) error {
	data, err := pickle.Encode(reply)
	if err != nil {
		s.log.Error("Caught unhandled exception: " + err.Error())
		if data, err = pickle.Encode("ERROR: " + err.Error()); err != nil {
			return err
		}
	}
	if err := conn.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
		return err
	}
	_, err = conn.Write(append(data, pickle.Marker...))
	return err
}

// reader cuts a byte stream into messages at the end marker.
type reader struct {
	conn    *net.UnixConn
	partial time.Duration
	buf     []byte
	seen    int // bytes of buf in which no marker begins
}

// next returns the next message, valid until the call after it.
func (r *reader) next() ([]byte, error) {
	for {
		if at := bytes.Index(r.buf[r.seen:], []byte(pickle.Marker)); at >= 0 {
			msg := r.buf[:r.seen+at]
			r.buf = r.buf[r.seen+at+len(pickle.Marker):]
			r.seen = 0
			return msg, nil
		}
		r.seen = max(0, len(r.buf)-len(pickle.Marker)+1)
		if len(r.buf) > pickle.MaxSize {
			return nil, fmt.Errorf("%w: a request of more than %d bytes", pickle.ErrLimit, pickle.MaxSize)
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

func (r *reader) fill() error {
	deadline := time.Time{}
	if len(r.buf) > 0 {
		deadline = time.Now().Add(r.partial)
	}
	if err := r.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	if len(r.buf) == 0 {
		r.buf = make([]byte, 0, 4096)
	}
	if cap(r.buf)-len(r.buf) < 1024 {
		r.buf = append(make([]byte, 0, 2*cap(r.buf)+2048), r.buf...)
	}
	n, err := r.conn.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}
