package pickle

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"f2b-go/internal/pytext"
)

// operation performs one opcode, its argument still unread.
type operation func(*machine) error

// operations are the opcodes that make plain values.
var operations = [256]operation{
	opProto:   loadProto,
	opFrame:   loadFrame,
	opMark:    func(m *machine) error { m.marks = append(m.marks, len(m.stack)); return m.countMark() },
	opPop:     loadPop,
	opPopMark: func(m *machine) error { _, err := m.popMark(); return err },
	opDup:     loadDup,

	opNone:     func(m *machine) error { return m.push(nil) },
	opNewTrue:  func(m *machine) error { return m.push(true) },
	opNewFalse: func(m *machine) error { return m.push(false) },
	opInt:      loadInt,
	opLong:     loadLong,
	opBinInt:   func(m *machine) error { return m.pushUint(4, func(n uint64) any { return int64(int32(n)) }) },
	opBinInt1:  func(m *machine) error { return m.pushUint(1, func(n uint64) any { return int64(n) }) },
	opBinInt2:  func(m *machine) error { return m.pushUint(2, func(n uint64) any { return int64(n) }) },
	opLong1:    func(m *machine) error { return loadBinLong(m, 1) },
	opLong4:    func(m *machine) error { return loadBinLong(m, 4) },
	opFloat:    loadFloat,
	opBinFloat: loadBinFloat,

	opString:          loadString,
	opUnicode:         loadUnicode,
	opShortBinString:  func(m *machine) error { return m.pushCounted(1, asText) },
	opBinString:       func(m *machine) error { return m.pushCounted(4, asText) },
	opShortBinUnicode: func(m *machine) error { return m.pushCounted(1, asUnicode) },
	opBinUnicode:      func(m *machine) error { return m.pushCounted(4, asUnicode) },
	opBinUnicode8:     func(m *machine) error { return m.pushCounted(8, asUnicode) },
	opShortBinBytes:   func(m *machine) error { return m.pushCounted(1, asBytes) },
	opBinBytes:        func(m *machine) error { return m.pushCounted(4, asBytes) },
	opBinBytes8:       func(m *machine) error { return m.pushCounted(8, asBytes) },
	opByteArray8:      func(m *machine) error { return m.pushCounted(8, asBytes) },

	opEmptyTuple: func(m *machine) error { return m.push(pytext.Tuple{}) },
	opEmptyList:  func(m *machine) error { return m.push(&listNode{}) },
	opEmptySet:   func(m *machine) error { return m.push(&listNode{}) },
	opEmptyDict:  func(m *machine) error { return m.push(newDict()) },
	opTuple1:     func(m *machine) error { return loadTupleN(m, 1) },
	opTuple2:     func(m *machine) error { return loadTupleN(m, 2) },
	opTuple3:     func(m *machine) error { return loadTupleN(m, 3) },
	opTuple:      loadTuple,
	opList:       loadList,
	opFrozenSet:  loadList,
	opDict:       loadDict,
	opAppend:     loadAppend,
	opAppends:    loadAppends,
	opAddItems:   loadAppends,
	opSetItem:    loadSetItem,
	opSetItems:   loadSetItems,

	opPut:        func(m *machine) error { return m.memoLine(m.remember) },
	opBinPut:     func(m *machine) error { return m.memoUint(1, m.remember) },
	opLongBinPut: func(m *machine) error { return m.memoUint(4, m.remember) },
	opMemoize:    func(m *machine) error { return m.remember(uint64(len(m.memo))) },
	opGet:        func(m *machine) error { return m.memoLine(m.recall) },
	opBinGet:     func(m *machine) error { return m.memoUint(1, m.recall) },
	opLongBinGet: func(m *machine) error { return m.memoUint(4, m.recall) },
}

func newDict() *dictNode { return &dictNode{index: map[any]int{}} }

// countMark lets MARKs count as values, so that they are bounded too.
func (m *machine) countMark() error {
	if err := m.push(nil); err != nil {
		return err
	}
	m.stack = m.stack[:len(m.stack)-1]
	return nil
}

func (m *machine) pushUint(size int, as func(uint64) any) error {
	n, err := m.uint(size)
	if err != nil {
		return err
	}
	return m.push(as(n))
}

func (m *machine) pushCounted(size int, as func([]byte) any) error {
	p, err := m.counted(size)
	if err != nil {
		return err
	}
	return m.push(as(p))
}

// asText is a str of Python 2: bytes that mean UTF-8.
func asText(p []byte) any { return string(p) }

func asBytes(p []byte) any { return append([]byte{}, p...) }

// asUnicode is a str of Python 3: UTF-8 where lone surrogates may stand, of
// which U+DC80 to U+DCFF mean an undecodable byte.
func asUnicode(p []byte) any {
	s := string(p)
	if !strings.Contains(s, "\xed\xb2") && !strings.Contains(s, "\xed\xb3") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == 0xed && s[i+1]&0xfe == 0xb2 && s[i+2]&0xc0 == 0x80 {
			out = append(out, s[i+1]<<6|s[i+2]&0x3f)
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func (m *machine) memoLine(do func(uint64) error) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return m.syntax("memo index %.40q", text)
	}
	return do(n)
}

func (m *machine) memoUint(size int, do func(uint64) error) error {
	n, err := m.uint(size)
	if err != nil {
		return err
	}
	return do(n)
}

func loadProto(m *machine) error {
	v, err := m.byte()
	if err == nil && v > 5 {
		return m.syntax("protocol %d", v)
	}
	return err
}

// loadFrame checks the length only: frames are a hint for reading from a file.
func loadFrame(m *machine) error {
	n, err := m.uint(8)
	if err == nil && n > uint64(len(m.data)-m.pos) {
		return m.syntax("a frame of %d bytes, %d are left", n, len(m.data)-m.pos)
	}
	return err
}

// loadPop drops the top value, or a MARK that stands on top.
func loadPop(m *machine) error {
	if len(m.marks) > 0 && len(m.stack) == m.floor() {
		m.marks = m.marks[:len(m.marks)-1]
		return nil
	}
	_, err := m.pop()
	return err
}

func loadDup(m *machine) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.push(v)
}

func loadInt(m *machine) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	switch text {
	case "00":
		return m.push(false)
	case "01":
		return m.push(true)
	}
	return m.pushDecimal(text)
}

func loadLong(m *machine) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	return m.pushDecimal(strings.TrimSuffix(text, "L"))
}

func (m *machine) pushDecimal(text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return m.syntax("integer %.40q", text)
	}
	return m.push(n)
}

// loadBinLong reads a two's complement number of up to 8 bytes.
func loadBinLong(m *machine, size int) error {
	p, err := m.counted(size)
	if err != nil {
		return err
	}
	if len(p) > 8 {
		return m.syntax("an integer of %d bytes, at most 8", len(p))
	}
	var b [8]byte
	if n := len(p); n > 0 && p[n-1] >= 0x80 {
		b = [8]byte{255, 255, 255, 255, 255, 255, 255, 255}
	}
	copy(b[:], p)
	return m.push(int64(binary.LittleEndian.Uint64(b[:])))
}

func loadFloat(m *machine) error {
	text, err := m.line()
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return m.syntax("float %.40q", text)
	}
	return m.push(f)
}

func loadBinFloat(m *machine) error {
	p, err := m.take(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(p)))
}
