// Package mailtest gives tests a real SMTP server in their own process, with
// certificates of its own. It hides the server and what it is told to refuse;
// a test asks for the mails that arrived.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one that arrived.
type Mail struct {
	From string
	To   []string
	Data string
	// TLS tells whether it came over an encrypted connection.
	TLS bool
}

// Options say how the server behaves.
type Options struct {
	// Listener is where it listens; nil for a port of this machine's own.
	Listener net.Listener
	// StartTLS offers STARTTLS; TLS speaks it from the first byte.
	StartTLS, TLS bool
	// User and Password are asked for with the mechanisms, PLAIN and LOGIN.
	User, Password string
	Mechanisms     []string
	// Judge may refuse: it is asked at "AUTH" (the user), "MAIL", "RCPT" (the
	// address) and "DATA" (the mail).
	Judge func(stage, what string) error
}

// Server is a running SMTP server.
type Server struct {
	// Addr is HOST:PORT of a server with a port of this machine's own.
	Addr string
	// CAFile is a file with the certificate that vouches for the server.
	CAFile string

	opt     Options
	arrived chan Mail

	mu     sync.Mutex
	logins []string
}

// Start runs a server until the test ends.
func Start(t testing.TB, opt Options) *Server {
	t.Helper()
	s := &Server{opt: opt, arrived: make(chan Mail, 10_000)}
	l := opt.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		s.Addr = l.Addr().String()
	}
	srv := smtp.NewServer(smtp.BackendFunc(s.session))
	srv.Domain, srv.AllowInsecureAuth, srv.MaxMessageBytes, srv.MaxLineLength = "mx.example.test", true, 10<<20, 1<<20
	srv.ErrorLog = log.New(io.Discard, "", 0)
	if opt.StartTLS || opt.TLS {
		srv.TLSConfig = s.certify(t)
	}
	if opt.TLS {
		l = tls.NewListener(l, srv.TLSConfig)
		srv.TLSConfig = nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = l.Close()
		<-ended
	})
	return s
}

// Port is the port in Addr.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Next waits for the next mail.
func (s *Server) Next(t testing.TB) Mail {
	t.Helper()
	select {
	case m := <-s.arrived:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no mail came")
	}
	return Mail{}
}

// Arrived returns the mails that are there and were not asked for yet.
func (s *Server) Arrived() []Mail {
	var list []Mail
	for {
		select {
		case m := <-s.arrived:
			list = append(list, m)
		default:
			return list
		}
	}
}

// Logins lists the users that logged in.
func (s *Server) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.logins...)
}

// Parse reads a mail with net/mail.
func (m Mail) Parse(t testing.TB) *netmail.Message {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(m.Data))
	if err != nil {
		t.Fatalf("a mail that cannot be read: %v\n%s", err, m.Data)
	}
	return msg
}

// certify makes a certificate for localhost and 127.0.0.1 that vouches for
// itself. It holds for any clock that a test may have.
func (s *Server) certify(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost", "mx.example.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	plain := &session{server: s, tls: secure}
	if s.opt.User == "" {
		return plain, nil
	}
	return &authSession{plain}, nil
}

// session is one client's.
type session struct {
	server *Server
	mail   Mail
	in     bool
	tls    bool
}

func (c *session) judge(stage, what string) error {
	if c.server.opt.Judge == nil {
		return nil
	}
	return c.server.opt.Judge(stage, what)
}

func (c *session) Reset()        { c.mail = Mail{} }
func (c *session) Logout() error { return nil }

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.opt.User != "" && !c.in {
		return smtp.ErrAuthRequired
	}
	c.mail.From = from
	return c.judge("MAIL", from)
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.judge("RCPT", to); err != nil {
		return err
	}
	c.mail.To = append(c.mail.To, to)
	return nil
}

func (c *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := c.judge("DATA", string(data)); err != nil {
		return err
	}
	c.mail.Data, c.mail.TLS = string(data), c.tls
	c.server.arrived <- c.mail
	return nil
}

// authSession is one where a login is asked for.
type authSession struct{ *session }

func (c *authSession) AuthMechanisms() []string { return c.server.opt.Mechanisms }

func (c *authSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if err := c.judge("AUTH", user); err != nil {
			return err
		}
		if user != c.server.opt.User || password != c.server.opt.Password {
			return smtp.ErrAuthFailed
		}
		c.in = true
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.logins = append(c.server.logins, mechanism+" "+user)
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// loginServer asks for a name and a password.
type loginServer struct {
	check func(user, password string) error
	asked int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && l.asked == 0 {
		l.asked = 1
		return []byte("Username:"), false, nil
	}
	if l.asked < 2 {
		l.asked, l.user = 2, string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}
