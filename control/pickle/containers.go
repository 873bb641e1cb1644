package pickle

import "f2b-go/internal/pytext"

func loadTupleN(m *machine, n int) error {
	if len(m.stack)-n < m.floor() {
		return m.syntax("nothing on the stack")
	}
	at := len(m.stack) - n
	t := append(pytext.Tuple{}, m.stack[at:]...)
	m.stack = m.stack[:at]
	return m.push(t)
}

func loadTuple(m *machine) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.push(append(pytext.Tuple{}, items...))
}

func loadList(m *machine) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.push(&listNode{items})
}

func loadDict(m *machine) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	d := newDict()
	if err := m.fill(d, items); err != nil {
		return err
	}
	return m.push(d)
}

func (m *machine) fill(d *dictNode, items []any) error {
	if len(items)%2 != 0 {
		return m.syntax("a dict's key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) extend(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	list, ok := v.(*listNode)
	if !ok {
		return m.syntax("appending to a %T", v)
	}
	list.items = append(list.items, items...)
	return nil
}

func loadAppend(m *machine) error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	return m.extend([]any{v})
}

func loadAppends(m *machine) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.extend(items)
}

func loadSetItem(m *machine) error {
	value, err := m.pop()
	if err != nil {
		return err
	}
	key, err := m.pop()
	if err != nil {
		return err
	}
	return m.update([]any{key, value})
}

func loadSetItems(m *machine) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	return m.update(items)
}

func (m *machine) update(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(*dictNode)
	if !ok {
		return m.syntax("setting items of a %T", v)
	}
	return m.fill(d, items)
}
