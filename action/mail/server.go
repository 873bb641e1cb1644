package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Security is how the way to a mail server is kept private.
type Security string

// The ways: not at all, STARTTLS before anything else is said, or TLS from the
// first byte. With both TLS kinds the server's certificate must be valid for its
// name.
const (
	Plain    Security = "none"
	StartTLS Security = "starttls"
	FullTLS  Security = "tls"
)

const (
	// DefaultPort is SMTP's (RFC 5321).
	DefaultPort = 25
	// maxReplies bounds what a server may say in one delivery, in bytes.
	maxReplies = 1 << 20
	// maxSecret bounds a password file, maxCAFile a file of certificates.
	maxSecret = 4 << 10
	maxCAFile = 4 << 20
)

// errTalkative says that a server says more than any delivery needs.
var errTalkative = errors.New("the server's replies have no end")

// Server is a mail server and how to speak with it.
type Server struct {
	Host     string
	Port     int // 0 means DefaultPort
	Security Security
	// User and Password log in, if User is not empty. PasswordFile, read at each
	// delivery, takes Password's place.
	User, Password, PasswordFile string
	// ClearLogin allows to log in with the password in the clear where the way is
	// not encrypted. On this machine that is always allowed.
	ClearLogin bool
	// CAFile names certificates (PEM) to trust in place of the system's.
	CAFile string
	// Timeout bounds each of a delivery's two parts, connecting and handing over;
	// 0 means a minute.
	Timeout time.Duration
}

// DialFunc makes a connection, as net.Dialer's DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Address is HOST:PORT.
func (s *Server) Address() string {
	port := s.Port
	if port == 0 {
		port = DefaultPort
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
}

// Local tells whether the server is on this machine.
func (s *Server) Local() bool {
	if strings.EqualFold(s.Host, "localhost") {
		return true
	}
	ip := net.ParseIP(s.Host)
	return ip != nil && ip.IsLoopback()
}

// ParseHost splits fail2ban's host or host:port; an IPv6 address with a port
// stands in brackets. port is 0 where there is none.
func ParseHost(text string) (host string, port int, err error) {
	host = strings.TrimSpace(text)
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if net.ParseIP(bare) != nil {
		return bare, 0, nil
	}
	if h, p, err := net.SplitHostPort(host); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return "", 0, fmt.Errorf("mail server %q: %q is no port", text, p)
		}
	}
	if net.ParseIP(host) != nil {
		return host, port, nil
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n:[]/") {
		return "", 0, fmt.Errorf("mail server %q: no host or host:port", text)
	}
	return host, port, nil
}

// Refusal is a recipient that the server does not take.
type Refusal struct {
	To  Address
	Err error
}

// permanent tells whether trying again is of no use: the server said so. What it
// says before it hears of the mail, to a login say, is about us.
func permanent(err error) bool {
	var early *connectError
	var reply *textproto.Error
	return !errors.As(err, &early) && errors.As(err, &reply) && reply.Code >= 500 && reply.Code < 600
}

// connectError is one from before the mail itself.
type connectError struct{ error }

func (e *connectError) Unwrap() error { return e.error }

// session is one delivery.
type session struct {
	*Server
	dial DialFunc
	conn net.Conn
}

// send hands a letter to the server for the given recipients and returns those
// that it refused. With an error none has got it.
func (s *Server) send(ctx context.Context, dial DialFunc, from Address, to []Address, message []byte) ([]Refusal, error) {
	limit := s.Timeout
	if limit <= 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, 2*limit)
	defer cancel()
	d := &session{Server: s, dial: dial}
	// go-mail leaves the connection open where its greeting, TLS or login fails.
	defer d.close()
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	client, err := d.connect(ctx, limit, allASCII(append(mailboxes(to), from.Mailbox)))
	if err == nil {
		err = client.UpdateDeadline(limit)
	}
	if err != nil {
		return nil, &connectError{err}
	}
	refused, err := d.transfer(client, from, to, message)
	if err == nil {
		// The mail is the server's by now, whatever it says to a farewell.
		_ = client.Quit()
	}
	return refused, err
}

func (d *session) close() {
	if d.conn != nil {
		_ = d.conn.Close()
	}
}

// connect greets the server, secures the way and logs in. Without ascii the
// addresses need SMTPUTF8.
func (d *session) connect(ctx context.Context, limit time.Duration, ascii bool) (*smtp.Client, error) {
	config, err := d.tlsConfig()
	if err != nil {
		return nil, err
	}
	policy := gomail.NoTLS
	if d.Security == StartTLS {
		policy = gomail.TLSMandatory
	}
	// The connection is made first, so that it can be closed whatever happens.
	conn, err := d.open(ctx, config, limit)
	if err != nil {
		return nil, err
	}
	opts := []gomail.Option{
		gomail.WithTimeout(limit), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
	}
	if ascii {
		opts = append(opts, gomail.WithoutSMTPUTF8())
	}
	login, err := d.login()
	if err != nil {
		return nil, err
	}
	client, err := gomail.NewClient(d.Host, append(opts, login...)...)
	if err != nil {
		return nil, err
	}
	return client.DialToSMTPClientWithContext(ctx)
}

// open connects, with TLS where that comes first.
func (d *session) open(ctx context.Context, config *tls.Config, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := d.dial(ctx, "tcp", d.Address())
	if err != nil {
		return nil, err
	}
	d.conn = &limited{Conn: conn, left: maxReplies}
	if d.Security != FullTLS {
		return d.conn, nil
	}
	secure := tls.Client(d.conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}

func (d *session) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: d.Host, MinVersion: tls.VersionTLS12}
	if d.CAFile == "" {
		return config, nil
	}
	pem, err := readSmall(d.CAFile, maxCAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates to trust: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificates to trust: %s holds none", d.CAFile)
	}
	return config, nil
}

// login gives the ways to log in, the best first.
func (d *session) login() ([]gomail.Option, error) {
	if d.User == "" {
		return nil, nil
	}
	password := d.Password
	if d.PasswordFile != "" {
		data, err := readSmall(d.PasswordFile, maxSecret)
		if err != nil {
			return nil, fmt.Errorf("reading the mail password: %w", err)
		}
		password = strings.TrimRight(string(data), "\r\n")
	}
	ways := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5}
	if d.ClearLogin || d.Local() {
		ways = append(ways, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc)
	} else {
		ways = append(ways, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin)
	}
	return []gomail.Option{
		gomail.WithUsername(d.User), gomail.WithPassword(password), gomail.WithOpportunisticSMTPAuth(ways...),
	}, nil
}

// transfer hands the letter over. A recipient that is refused does not keep the
// others from it.
func (d *session) transfer(client *smtp.Client, from Address, to []Address, message []byte) (refused []Refusal, err error) {
	if err := client.Mail("<" + from.Mailbox + ">"); err != nil {
		return nil, err
	}
	for _, a := range to {
		if err := client.Rcpt("<" + a.Mailbox + ">"); err != nil {
			var reply *textproto.Error
			if !errors.As(err, &reply) {
				return nil, err
			}
			refused = append(refused, Refusal{a, err})
		}
	}
	if len(refused) == len(to) {
		_ = client.Quit()
		return nil, &refusedAll{refused}
	}
	w, err := client.Data()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	return refused, w.Close()
}

// refusedAll says that no recipient was taken. It unwraps to a refusal that may
// not last, if there is one.
type refusedAll struct{ list []Refusal }

func (e *refusedAll) Error() string { return "all recipients refused: " + refusals(e.list) }

func (e *refusedAll) Unwrap() error {
	for _, r := range e.list {
		if !permanent(r.Err) {
			return r.Err
		}
	}
	return e.list[0].Err
}

// limited is a connection that ends when the other side says too much.
type limited struct {
	net.Conn
	left int
}

func (c *limited) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func allASCII(list []string) bool {
	return !strings.ContainsFunc(strings.Join(list, ""), func(r rune) bool { return r > 126 })
}

// readSmall reads a file that must not be longer than limit.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return data, err
}
