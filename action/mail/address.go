package mail

import (
	"mime"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxHeader bounds a header's value in bytes (RFC 5322 ends lines at 998).
	maxHeader = 900
	// maxAddress bounds a mailbox in bytes (RFC 5321, 4.5.3.1.3, with room).
	maxAddress = 320
)

// Address is a mailbox with the name that stands before it, if any. A mailbox
// without a domain, as in "root", is one of the mail server's own.
type Address struct{ Name, Mailbox string }

// ParseAddresses reads a list of addresses with commas, or only blanks, between
// them. What cannot be an address is left out.
func ParseAddresses(text string) []Address {
	if parsed, err := netmail.ParseAddressList(text); err == nil {
		list := make([]Address, 0, len(parsed))
		for _, a := range parsed {
			list = appendAddress(list, a.Name, a.Address)
		}
		return list
	}
	var list []Address
	for piece := range strings.SplitSeq(text, ",") {
		if name, rest, ok := strings.Cut(piece, "<"); ok {
			mailbox, _, _ := strings.Cut(rest, ">")
			list = appendAddress(list, strings.Trim(strings.TrimSpace(name), `"`), strings.TrimSpace(mailbox))
			continue
		}
		for _, mailbox := range strings.Fields(piece) {
			list = appendAddress(list, "", mailbox)
		}
	}
	return list
}

func appendAddress(list []Address, name, mailbox string) []Address {
	if mailbox == "" || len(mailbox) > maxAddress || !utf8.ValidString(mailbox) || strings.ContainsFunc(mailbox, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '<' || r == '>'
	}) {
		return list
	}
	return append(list, Address{name, mailbox})
}

// String is the address for a header, as Python's formataddr writes it: the
// name encoded where it is not ASCII and in quotes where it needs them.
func (a Address) String() string {
	name := oneLine(a.Name, maxHeader)
	if name == "" {
		return a.Mailbox
	}
	if encoded := mime.BEncoding.Encode("utf-8", name); encoded != name {
		name = encoded
	} else if strings.ContainsAny(name, `[]\()<>@,:;".`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + a.Mailbox + ">"
}

// mailboxes lists the bare mailboxes.
func mailboxes(list []Address) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.Mailbox
	}
	return out
}

// oneLine makes a text fit for a header: no character that could end a line or
// steer a terminal, and at most limit bytes.
func oneLine(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(cut(text, limit))
}

// cut shortens a text to at most n bytes without splitting a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// plain makes a text of several lines fit for a mail's body and for the terminal
// that shows it: no control characters but tabs and ends of lines.
func plain(text string, limit int) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD"))
	return cut(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text), limit)
}
