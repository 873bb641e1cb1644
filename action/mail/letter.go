package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Letter is a mail ready to be sent.
type Letter struct {
	From    Address
	To      []Address
	Subject string
	// Text is the body; HTML, if any, is the same for those who prefer it.
	Text, HTML string
	Date       time.Time
	// MessageID is the identifier without its angle brackets.
	MessageID string
	// stockTo is the header To of a letter in the form that fail2ban's smtp.py
	// gives its mails; empty for our own form.
	stockTo string
}

// Bytes returns the letter as it goes to the server.
func (l *Letter) Bytes() ([]byte, error) {
	if l.stockTo != "" {
		return l.stock(), nil
	}
	to := make([]string, len(l.To))
	for i, a := range l.To {
		to[i] = a.String()
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	m.Subject(l.subject())
	m.SetDateWithValue(l.Date)
	m.SetMessageIDWithValue(l.MessageID)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	// go-mail's own way to set addresses knows none without a domain, as root.
	m.SetGenHeaderPreformatted("From", l.From.String())
	m.SetGenHeaderPreformatted("To", strings.Join(to, ",\r\n "))
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("writing a mail: %w", err)
	}
	return b.Bytes(), nil
}

// subject is the subject on one line. What looks as if it were encoded is no
// longer: a reader would decode it into what a log line wants.
func (l *Letter) subject() string {
	return strings.ReplaceAll(oneLine(l.Subject, maxHeader), "=?", "= ?")
}

// stock writes the letter as Python's MIMEText does, with no header more.
// go-mail writes a body of 7bit in quoted-printable and adds a Message-ID.
func (l *Letter) stock() []byte {
	text := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(l.Text)
	charset, encoding := "us-ascii", "7bit"
	if strings.ContainsFunc(text, func(r rune) bool { return r > 126 }) {
		charset = "utf-8"
	}
	if charset != "us-ascii" || !fits7bit(text) {
		encoding = "base64"
		text = base64Lines(strings.ToValidUTF8(l.Text, "\uFFFD"))
	}
	var b bytes.Buffer
	header := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	header("Content-Type", `text/plain; charset="`+charset+`"`)
	header("MIME-Version", "1.0")
	header("Content-Transfer-Encoding", encoding)
	header("Subject", mime.BEncoding.Encode("utf-8", l.subject()))
	header("From", l.From.String())
	header("To", mime.BEncoding.Encode("utf-8", l.stockTo))
	header("Date", l.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0000"))
	b.WriteString("\r\n" + text)
	return b.Bytes()
}

// fits7bit tells whether a text in ASCII may be sent as it is (RFC 2045, 2.7).
func fits7bit(text string) bool {
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 998 || strings.Contains(line, "\x00") {
			return false
		}
	}
	return true
}

// base64Lines encodes in lines of 76 characters (RFC 2045, 6.8).
func base64Lines(text string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	return b.String() + encoded + "\r\n"
}
