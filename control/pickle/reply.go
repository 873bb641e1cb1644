package pickle

import (
	"strings"

	"f2b-go/internal/pytext"
)

// replyOperations are the further opcodes of a server's answer: they name an
// exception and give it its arguments, as data.
var replyOperations = map[byte]operation{
	opGlobal:      loadGlobal,
	opStackGlobal: loadStackGlobal,
	opReduce:      loadReduce,
	opNewObj:      loadReduce,
	opBuild:       loadBuild,
}

func loadGlobal(m *machine) error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	return m.push(class{module, name})
}

func loadStackGlobal(m *machine) error {
	name, err := m.pop()
	if err != nil {
		return err
	}
	module, err := m.pop()
	if err != nil {
		return err
	}
	n, ok1 := name.(string)
	mod, ok2 := module.(string)
	if !ok1 || !ok2 {
		return m.syntax("a class named by a %T", name)
	}
	return m.push(class{mod, n})
}

func loadReduce(m *machine) error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	callable, err := m.pop()
	if err != nil {
		return err
	}
	args, isTuple := v.(pytext.Tuple)
	c, isClass := callable.(class)
	if !isTuple || !isClass {
		return m.syntax("calling a %T", callable)
	}
	if c.name == "str" && (c.module == "builtins" || c.module == "__builtin__") && len(args) == 1 {
		if s, ok := args[0].(string); ok {
			return m.push(s)
		}
	}
	if c.module == "_codecs" && c.name == "encode" && len(args) == 2 && args[1] == "latin1" {
		return m.pushLatin1(args[0])
	}
	if !isException(c) {
		return m.refuse(c)
	}
	if c.module == "exceptions" {
		c.module = "builtins"
	}
	return m.push(&Exception{Module: c.module, Class: c.name, Args: args})
}

func (m *machine) pushLatin1(v any) error {
	s, ok := v.(string)
	if !ok {
		return m.syntax("bytes from a %T", v)
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return m.syntax("bytes with %q", r)
		}
		out = append(out, byte(r))
	}
	return m.push(out)
}

// isException goes by the name: the class becomes data and is never looked up.
func isException(c class) bool {
	switch {
	case strings.HasSuffix(c.name, "Error"), strings.HasSuffix(c.name, "Exception"), strings.HasSuffix(c.name, "Warning"):
		return true
	case c.name == "error", c.name == "StopIteration", c.name == "KeyboardInterrupt", c.name == "SystemExit":
		return true
	}
	return false
}

func (m *machine) refuse(c class) error {
	_, err := m.freeze(c, 0)
	return err
}

// loadBuild drops the state that Python would put into an exception.
func loadBuild(m *machine) error {
	if _, err := m.pop(); err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	if _, ok := v.(*Exception); !ok {
		return m.syntax("state for a %T", v)
	}
	return nil
}
