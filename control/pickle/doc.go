// Package pickle reads and writes the Python pickles that fail2ban's clients and
// server exchange. It hides the opcodes of protocols 0 to 5 and, above all, it
// builds plain values only: a pickle that names a class or calls a function is
// refused on the server's side, and on the client's side the exceptions of a
// reply become data. Nothing is ever imported or executed.
//
// Python values are Go values as package pytext has them: nil, bool, int64,
// float64, string, []byte, []any (a list; a set too), pytext.Tuple, pytext.Dict.
// A str that holds undecodable bytes (Python's lone surrogates U+DC80 to U+DCFF)
// is the Go string with those bytes.
//
// The opcodes are those that Python's documentation lists in pickletools.
package pickle

import "errors"

// Limits of one pickle. A start of a large configuration sends about 300 kB.
const (
	MaxSize   = 16 << 20 // bytes
	MaxValues = 1 << 20  // values made or fetched from the memo, also after sharing is unfolded
	MaxDepth  = 100      // containers inside containers
	maxLine   = 1 << 20  // bytes of a text argument of protocol 0
)

// Classes of errors that Decode returns.
var (
	// ErrRefused: the pickle asks for an object, a call or an import.
	ErrRefused = errors.New("pickle: only plain values are allowed")
	// ErrLimit: the pickle is larger or deeper than the limits.
	ErrLimit = errors.New("pickle: over the limit")
	// ErrSyntax: the bytes are no pickle.
	ErrSyntax = errors.New("pickle: malformed")
)
