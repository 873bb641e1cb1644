package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"f2b-go/internal/pytext"
)

// Decode reads one pickle of protocol 0 to 5 that holds plain values only.
// Bytes after its end are ignored, as Python's loads does. Errors wrap
// ErrRefused, ErrLimit or ErrSyntax.
func Decode(data []byte) (any, error) { return decode(data, false) }

// DecodeReply reads a server's answer: like Decode, and an exception comes back
// as *Exception, builtins.str('x') as the text. No other call is accepted.
func DecodeReply(data []byte) (any, error) { return decode(data, true) }

func decode(data []byte, reply bool) (any, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), MaxSize)
	}
	m := &machine{data: data, memo: map[uint32]any{}, reply: reply}
	if err := m.run(); err != nil {
		return nil, err
	}
	v, err := m.pop()
	if err != nil {
		return nil, err
	}
	m.values = 0
	return m.freeze(v, 0)
}

// machine is the stack machine that a pickle programs.
type machine struct {
	data   []byte
	pos    int
	stack  []any
	marks  []int // heights of the stack where MARKs stand
	memo   map[uint32]any
	values int
	reply  bool
}

// listNode and dictNode are containers that still grow: the memo may hold them.
type (
	listNode struct{ items []any }
	dictNode struct {
		items pytext.Dict
		index map[any]int
	}
	// class names something callable in a reply.
	class struct{ module, name string }
)

func (m *machine) run() error {
	for {
		op, err := m.byte()
		if err != nil {
			return err
		}
		if op == opStop {
			return nil
		}
		do := operations[op]
		if do == nil && m.reply {
			do = replyOperations[op]
		}
		if do == nil {
			if strings.IndexByte(refused, op) >= 0 {
				return fmt.Errorf("%w: opcode %q at %d", ErrRefused, op, m.pos-1)
			}
			return m.syntax("unknown opcode %q", op)
		}
		if err := do(m); err != nil {
			return err
		}
	}
}

func (m *machine) syntax(format string, args ...any) error {
	return fmt.Errorf("%w at byte %d: %s", ErrSyntax, m.pos, fmt.Sprintf(format, args...))
}

func (m *machine) byte() (byte, error) {
	if m.pos >= len(m.data) {
		return 0, m.syntax("the pickle ends early")
	}
	m.pos++
	return m.data[m.pos-1], nil
}

// take returns the next n bytes, shared with the input.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.data)-m.pos) {
		return nil, m.syntax("the pickle ends early")
	}
	p := m.data[m.pos : m.pos+int(n)]
	m.pos += int(n)
	return p, nil
}

// uint reads a little-endian number of 1, 2, 4 or 8 bytes.
func (m *machine) uint(size int) (uint64, error) {
	p, err := m.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:]), nil
}

// counted reads bytes preceded by their count of the given size.
func (m *machine) counted(size int) ([]byte, error) {
	n, err := m.uint(size)
	if err != nil {
		return nil, err
	}
	return m.take(n)
}

// line reads a text argument up to its newline.
func (m *machine) line() (string, error) {
	rest := m.data[m.pos:min(len(m.data), m.pos+maxLine)]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		return "", m.syntax("an argument without its line end")
	}
	m.pos += end + 1
	return string(rest[:end]), nil
}

func (m *machine) push(v any) error {
	m.values++
	if m.values > MaxValues {
		return fmt.Errorf("%w: more than %d values", ErrLimit, MaxValues)
	}
	m.stack = append(m.stack, v)
	return nil
}

// floor is the height below which the topmost MARK forbids to pop.
func (m *machine) floor() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) pop() (any, error) {
	top := len(m.stack) - 1
	if top < m.floor() {
		return nil, m.syntax("nothing on the stack")
	}
	v := m.stack[top]
	m.stack = m.stack[:top]
	return v, nil
}

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.floor() {
		return nil, m.syntax("nothing on the stack")
	}
	return m.stack[len(m.stack)-1], nil
}

// popMark takes the values above the topmost MARK, and the MARK.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, m.syntax("no MARK")
	}
	at := m.floor()
	m.marks = m.marks[:len(m.marks)-1]
	items := append([]any(nil), m.stack[at:]...)
	m.stack = m.stack[:at]
	return items, nil
}

func (m *machine) remember(key uint64) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	if key > 1<<32-1 || len(m.memo) >= MaxValues {
		return fmt.Errorf("%w: memo index %d", ErrLimit, key)
	}
	m.memo[uint32(key)] = v
	return nil
}

func (m *machine) recall(key uint64) error {
	v, ok := m.memo[uint32(key)]
	if !ok || key > 1<<32-1 {
		return m.syntax("memo has no entry %d", key)
	}
	return m.push(v)
}

// set stores a pair; like Python, a later value of an equal key wins.
func (d *dictNode) set(key, value any) error {
	switch k := key.(type) {
	case nil, bool, int64, float64, string:
	default:
		return fmt.Errorf("%w: a dict's key is a %T", ErrSyntax, k)
	}
	if at, known := d.index[key]; known {
		d.items[at].Value = value
		return nil
	}
	d.index[key] = len(d.items)
	d.items = append(d.items, pytext.Item{Key: key, Value: value})
	return nil
}

// freeze turns nodes into values. Sharing is unfolded, so values are counted
// again, and a container that holds itself runs into the depth.
func (m *machine) freeze(v any, depth int) (any, error) {
	m.values++
	if m.values > MaxValues {
		return nil, fmt.Errorf("%w: more than %d values", ErrLimit, MaxValues)
	}
	if depth > MaxDepth {
		return nil, fmt.Errorf("%w: more than %d containers deep", ErrLimit, MaxDepth)
	}
	switch t := v.(type) {
	case *listNode:
		return m.freezeAll(t.items, depth)
	case pytext.Tuple:
		list, err := m.freezeAll(t, depth)
		return pytext.Tuple(list), err
	case *dictNode:
		out := make(pytext.Dict, len(t.items))
		for i, it := range t.items {
			value, err := m.freeze(it.Value, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = pytext.Item{Key: it.Key, Value: value}
		}
		return out, nil
	case *Exception:
		args, err := m.freezeAll(t.Args, depth)
		return &Exception{Module: t.Module, Class: t.Class, Args: args}, err
	case class:
		return nil, fmt.Errorf("%w: class %s.%s", ErrRefused, t.module, t.name)
	}
	return v, nil
}

func (m *machine) freezeAll(items []any, depth int) ([]any, error) {
	out := make([]any, len(items))
	for i, v := range items {
		f, err := m.freeze(v, depth+1)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}
